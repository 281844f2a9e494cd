"""Accelerate: `prepare` wraps a drop-in."""

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
    each_direction,
    make_data,
    make_model,
)

accelerate: Any = pytest.importorskip("accelerate")


class Training:
    def __init__(
        self,
        library: Any,
        clip: float | None = None,
        clip_norm: float | None = None,
        **arguments: Any,
    ) -> None:
        accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
        accelerate.state.GradientState._reset_state()
        self.accelerator = accelerate.Accelerator(cpu=True, **arguments)
        self.clip = clip
        model = make_model()
        own = {} if clip_norm is None else {"clip_norm": clip_norm}
        optimizer = library.Adagrad(model.parameters(), lr=0.05, **own)
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*make_data()), 4)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
        self.model, self.optimizer, self.loader, self.scheduler = self.accelerator.prepare(
            model, optimizer, loader, scheduler
        )

    def epoch(self) -> dict[str, Any]:
        for x, y in self.loader:
            with self.accelerator.accumulate(self.model):
                loss = torch.nn.functional.mse_loss(self.model(x), y)
                self.accelerator.backward(loss)
                if self.clip is not None and self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.model.parameters(), self.clip)
                self.optimizer.step()
                self.scheduler.step()
                self.optimizer.zero_grad()
        weights: dict[str, Any] = self.model.state_dict()
        return weights


@pytest.mark.parametrize(
    "arguments",
    [{}, {"clip": 0.1}, {"mixed_precision": "bf16"}, {"gradient_accumulation_steps": 2}],
    ids=str,
)
def test_weights_are_those_of_torch_s_class(arguments: dict[str, Any]) -> None:
    assert_close(Training(OURS, **arguments).epoch(), Training(THEIRS, **arguments).epoch())


def test_the_wrapped_optimizer_is_the_drop_in() -> None:
    wrapped = Training(OURS).optimizer
    assert isinstance(wrapped, accelerate.optimizer.AcceleratedOptimizer)
    assert type(wrapped.optimizer) is OURS.Adagrad


@each_direction
def test_a_checkpoint_is_resumed(tmp_path: Path, first: Any, then: Any) -> None:
    saved = Training(first)
    saved.epoch()
    saved.accelerator.save_state(tmp_path)
    resumed = Training(then)
    resumed.accelerator.load_state(tmp_path)
    ours = resumed.epoch()
    whole = Training(THEIRS)
    whole.epoch()
    assert_close(ours, whole.epoch())


@pytest.mark.parametrize("steps", [1, 2])
def test_the_drop_in_clips_in_the_place_of_accelerate(steps: int) -> None:
    ours = Training(OURS, clip_norm=0.1, gradient_accumulation_steps=steps)
    theirs = Training(THEIRS, clip=0.1, gradient_accumulation_steps=steps)
    assert_close(ours.epoch(), theirs.epoch())
    assert ours.optimizer.optimizer.last_grad_norm > 0.1
