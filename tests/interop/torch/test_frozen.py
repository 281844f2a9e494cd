"""Parameters that require no gradient: left alone, whatever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

from tests.interop.torch.training import (
    arrays,
    assert_same_tensors,
    each_class,
    make_ours,
    snapshot,
)

FROZEN: dict[str, Callable[[], torch.Tensor]] = {
    "int8": lambda: torch.arange(-2, 3, dtype=torch.int8),
    "bfloat16": lambda: torch.ones(3, dtype=torch.bfloat16),
    "complex": lambda: torch.ones(3, dtype=torch.complex64),
    "another device": lambda: torch.ones(3, device="meta"),
    "overlapping itself": lambda: torch.ones(1).expand(3),
}


@pytest.mark.parametrize("make", FROZEN.values(), ids=FROZEN)
@each_class
def test_frozen_parameters_are_left_alone(name: str, make: Callable[[], torch.Tensor]) -> None:
    frozen = torch.nn.Parameter(make(), requires_grad=False)
    alone, beside = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    one = make_ours(name, [frozen, beside])
    one.add_param_group({"params": [torch.nn.Parameter(make(), requires_grad=False)]})
    other = make_ours(name, [alone])
    before, states = str(frozen), {*one.state}  # which torch's Adagrad makes at once
    for _ in range(3):
        alone.grad = beside.grad = torch.tensor([0.5, -2.0])
        one.step()
        other.step()
    assert_same_tensors([beside], arrays([alone]))
    assert str(frozen) == before
    assert one.state.keys() <= states | {beside}


def test_one_that_is_frozen_later_may_become_anything() -> None:
    base, head = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = make_ours("Adam", [base, head])
    base.grad = head.grad = torch.ones(2)
    optimizer.step()
    base.requires_grad_(False)
    base.grad = None
    base.data = base.data.to(torch.bfloat16)
    optimizer.step()
    assert base.dtype == torch.bfloat16
    assert [state["step"].item() for state in optimizer.state.values()] == [1, 2]


def test_one_that_is_thawed_is_stepped() -> None:
    param: Any = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    other = torch.nn.Parameter(torch.ones(2))
    optimizer = make_ours("SGD", [param, other], lr=0.5)
    other.grad = torch.ones(2)
    optimizer.step()
    param.requires_grad_(True)
    param.grad = torch.ones(2)
    optimizer.step()
    assert (param.tolist(), other.tolist()) == ([0.5, 0.5], [0.0, 0.0])


def test_a_gradient_is_stepped_by_although_none_is_required() -> None:
    """As in torch, which looks at the gradient alone."""
    tensor = torch.ones(2)
    tensor.grad = torch.ones(2)
    optimizer = make_ours("SGD", [tensor], lr=0.5)
    optimizer.step()
    assert tensor.tolist() == [0.5, 0.5]


def test_what_cannot_be_stepped_is_refused_once_it_has_a_gradient() -> None:
    frozen = torch.nn.Parameter(torch.ones(2, dtype=torch.complex64), requires_grad=False)
    param = torch.nn.Parameter(torch.ones(2))
    optimizer = make_ours("Adam", [param, frozen])
    param.grad = torch.ones(2)
    optimizer.step()
    frozen.grad = torch.ones(2, dtype=torch.complex64)
    before = snapshot([param, optimizer.state_dict()])
    with pytest.raises(TypeError, match=r"parameter 1: expected dtype.*complex64"):
        optimizer.step()
    assert snapshot([param, optimizer.state_dict()]) == before
    with pytest.raises(TypeError, match=r"parameter 0: expected dtype.*complex64"):
        make_ours("Adam", [frozen])
