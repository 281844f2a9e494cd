"""Lightning: configure_optimizers returns a drop-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from tests.recipes.trainers.both import (
    OURS,
    THEIRS,
    assert_close,
    assert_close_in_bfloat16,
    each_direction,
    each_storage,
    make_data,
    make_model,
    snapshot,
)

lightning: Any = pytest.importorskip("lightning")

EPOCHS = 2


class Regression(lightning.LightningModule):
    def __init__(self, library: Any, **options: Any) -> None:
        super().__init__()
        self.model = make_model()
        self.library, self.options = library, options

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        x, y = batch
        loss: torch.Tensor = torch.nn.functional.mse_loss(self.model(x), y)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = self.library.Adam(self.parameters(), lr=0.02, amsgrad=True, **self.options)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]


def fit(
    module: Any, epochs: int = EPOCHS, checkpoint: Path | None = None, **arguments: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the trainer, and the weights that it came to."""
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*make_data()), 4)
    trainer = lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, **arguments,
    )  # fmt: skip
    trainer.fit(module, loader, ckpt_path=checkpoint)
    return trainer, module.model.state_dict()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"gradient_clip_val": 0.1},
        {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
        {"precision": "bf16-mixed"},
        {"accumulate_grad_batches": 2},
    ],
    ids=str,
)
def test_weights_are_those_of_torch_s_class(arguments: dict[str, Any]) -> None:
    _, ours = fit(Regression(OURS), **arguments)
    _, theirs = fit(Regression(THEIRS), **arguments)
    assert_close(ours, theirs)


def test_the_gradient_scaler_of_half_precision_goes_along() -> None:
    def train(library: Any, clip: float | None = 0.1, **options: Any) -> dict[str, Any]:
        plugin = lightning.pytorch.plugins.MixedPrecision("16-mixed", "cpu")
        return fit(Regression(library, **options), plugins=plugin, gradient_clip_val=clip)[1]

    theirs = train(THEIRS)
    assert_close(train(OURS), theirs)
    assert_close(train(OURS, None, clip_norm=0.1), theirs)


@each_direction
def test_a_checkpoint_is_resumed(tmp_path: Path, first: Any, then: Any) -> None:
    _, whole = fit(Regression(THEIRS))
    trainer, _ = fit(Regression(first), epochs=EPOCHS // 2)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    _, resumed = fit(Regression(then), checkpoint=tmp_path / "half.ckpt")
    assert_close(resumed, whole)


def test_the_drop_in_clips_in_the_place_of_lightning() -> None:
    _, theirs = fit(Regression(THEIRS), gradient_clip_val=0.1)
    trainer, ours = fit(Regression(OURS, clip_norm=0.1))
    assert trainer.optimizers[0].last_grad_norm > 0.1
    assert_close(ours, theirs)


@pytest.mark.parametrize(
    "arguments", [{}, {"gradient_clip_val": 0.1}, {"accumulate_grad_batches": 2}], ids=str
)
def test_a_model_in_bfloat16_is_trained_as_by_torch_s_fused_class(
    arguments: dict[str, Any],
) -> None:
    arguments["precision"] = "bf16-true"
    _, ours = fit(Regression(OURS, state_rounding="nearest"), **arguments)
    _, theirs = fit(Regression(THEIRS, fused=True), **arguments)
    assert_close_in_bfloat16(ours, theirs)


@each_storage
def test_a_model_in_bfloat16_is_resumed_bit_for_bit(
    tmp_path: Path, storage: dict[str, Any]
) -> None:
    _, whole = fit(Regression(OURS, **storage), precision="bf16-true")
    first = Regression(OURS, **storage)
    trainer, _ = fit(first, epochs=EPOCHS // 2, precision="bf16-true")
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    half = snapshot(first.model.state_dict())
    then, checkpoint = Regression(OURS, **storage), tmp_path / "half.ckpt"
    _, resumed = fit(then, checkpoint=checkpoint, precision="bf16-true")
    assert snapshot(resumed) == snapshot(whole) != half
