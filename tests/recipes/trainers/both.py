"""What is trained twice, with torch's classes and with the drop-ins of their names."""

from __future__ import annotations

import os
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

import instep.interop.torch
from tests.interop.torch.training import assert_close, snapshot

__all__ = [
    "OURS", "THEIRS", "assert_close", "assert_close_in_bfloat16", "each_direction", "each_storage",
    "make_model", "snapshot",
]  # fmt: skip

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers and peft are imported

OURS: Any = instep.interop.torch
THEIRS: Any = torch.optim

each_direction = pytest.mark.parametrize(
    ("first", "then"), [(THEIRS, OURS), (OURS, THEIRS), (OURS, OURS)], ids=["to", "from", "within"]
)
"""Which class writes a checkpoint, and which one goes on from it."""

each_storage = pytest.mark.parametrize(
    "storage", [{}, {"master_weight_bits": 32}, {"param_rounding": "stochastic"}], ids=str
)
"""How a drop-in stores a model in bfloat16."""


def assert_close_in_bfloat16(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Fail unless all is of bfloat16, and the same within some of its units."""
    assert {weight.dtype for weight in ours.values()} == {torch.bfloat16}
    torch.testing.assert_close(ours, theirs, rtol=2**-6, atol=2**-10)


def make_model() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))


def make_data(examples: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(examples, 4, generator=generator)
    return x, x.sum(dim=1, keepdim=True).sin()
