"""Gradients in 16 bits of parameters in float32, as torch has them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import instep
from instep import functional
from tests.interop.torch.training import make_ours, shown_to_c


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_gradients_in_16_bits_of_the_drop_in(half: torch.dtype) -> None:
    """Torch's own classes refuse them."""
    params = [torch.nn.Parameter(torch.zeros(4, 3)) for _ in range(3)]
    same = [torch.nn.Parameter(torch.zeros(4, 3)) for _ in range(3)]
    ours, expected = make_ours("Adam", params), make_ours("Adam", same)
    for seed in range(3):
        torch.manual_seed(seed)
        dense = torch.randn(3, 4, dtype=half).T
        index = torch.tensor([[2, 0, 2]])
        rows = torch.sparse_coo_tensor(index, torch.randn(3, 3), (4, 3), check_invariants=True)
        recorded = torch.randn(4, 3, requires_grad=True)
        for param, grad in zip(params, (dense, rows.to(half), recorded.to(half)), strict=True):
            param.grad_dtype = half
            param.grad = grad
        for param, other in zip(params, same, strict=True):
            assert param.grad is not None
            other.grad = param.grad.detach().float()
        ours.step()
        expected.step()
    assert all(map(torch.equal, params, same))


@shown_to_c
def test_tensors_of_16_bits_as_arrays() -> None:
    """NumPy's own from_dlpack sees no bfloat16: it is seen where torch shows it to C alone."""
    w = np.zeros(3, np.float32)
    instep.SGD(w, lr=1.0).step(torch.full((3,), 2.0**-100, dtype=torch.bfloat16))
    assert w.tolist() == [-(2.0**-100)] * 3
    functional.sgd_step(w, torch.ones(6, dtype=torch.float16)[::2], step=1, lr=1.0)
    assert w.tolist() == [-1.0] * 3
    for half in (torch.float16, torch.bfloat16):
        param, copy = torch.ones(3, dtype=half), torch.zeros(3, dtype=half)
        instep.SGD(param, lr=0.5, copies=copy).step(torch.ones(3, dtype=half))
        assert param.tolist() == copy.tolist() == [0.5] * 3
