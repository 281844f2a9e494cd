"""torchao's CPUOffloadOptimizer makes drop-ins; what it asks of a GPU has stand-ins here."""

from __future__ import annotations

import copy
from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("torch")

import torch

from tests.recipes.trainers.both import (
    OURS,
    THEIRS,
    assert_close,
    assert_close_in_bfloat16,
    each_storage,
    make_data,
    make_model,
    snapshot,
)

cpu_offload: Any = pytest.importorskip("torchao.optim.cpu_offload")


@pytest.fixture(autouse=True)
def _gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the CPU pass for a GPU, whose transfers have come when they are asked for."""
    monkeypatch.setattr(cpu_offload, "get_available_devices", lambda: ["cpu", "cuda"])
    for name in ("Stream", "current_stream", "stream"):
        monkeypatch.setattr(torch.cuda, name, MagicMock())
    monkeypatch.setattr(torch.Tensor, "record_stream", MagicMock())
    empty_like: Any = torch.empty_like

    def not_pinned(tensor: torch.Tensor, *, pin_memory: bool = False, **options: Any) -> Any:
        return empty_like(tensor, **options)

    monkeypatch.setattr(torch, "empty_like", not_pinned)


def make_optimizer(library: Any, model: Any, **options: Any) -> Any:
    return cpu_offload.CPUOffloadOptimizer(
        model.parameters(),
        library.AdamW,
        minimal_size=0,
        offload_gradients=True,
        lr=0.02,
        **options,
    )


def train(optimizer: Any, model: Any) -> dict[str, Any]:
    """Train, and return copies of the weights."""
    x, y = (each.to(model[0].weight.dtype) for each in make_data())
    for _ in range(4):
        loss: Any = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return copy.deepcopy(model.state_dict())


def trained(library: Any, dtype: torch.dtype, **options: Any) -> dict[str, Any]:
    model = make_model().to(dtype)
    return train(make_optimizer(library, model, **options), model)


def test_weights_are_those_of_torch_s_class() -> None:
    assert_close(trained(OURS, torch.float32), trained(THEIRS, torch.float32))


def test_a_model_in_bfloat16_is_trained_as_by_torch_s_fused_class() -> None:
    ours = trained(OURS, torch.bfloat16, state_rounding="nearest")
    assert_close_in_bfloat16(ours, trained(THEIRS, torch.bfloat16))  # torchao asks for the fused


@each_storage
def test_a_model_in_bfloat16_is_resumed_bit_for_bit(storage: dict[str, Any]) -> None:
    model, resumed = (make_model().bfloat16() for _ in range(2))
    optimizer = make_optimizer(OURS, model, **storage)
    resumed.load_state_dict(train(optimizer, model))
    then = make_optimizer(OURS, resumed, **storage)
    then.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert snapshot(train(then, resumed)) == snapshot(train(optimizer, model))
