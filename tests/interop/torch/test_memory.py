"""Steps happen in the tensors' own memory, wherever that is."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

from tests.interop.torch.training import (
    arrays,
    assert_same_tensors,
    loss_of,
    make_model,
    make_ours,
    train,
)

LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "contiguous": lambda base: base[0].contiguous(),
    "transposed": lambda base: base[0].t(),
    "every other": lambda base: base[0, :, ::2],
    "permuted": lambda base: base.permute(2, 0, 1),
    "a single number": lambda base: base[1, 1, 1],
    "empty": lambda base: base[:0],
    "part of a storage": lambda base: base[1, 1:],
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(layout: Callable[[torch.Tensor], torch.Tensor]) -> None:
    base = torch.linspace(0, 1, 60).reshape(3, 4, 5)
    view = layout(base)
    plain = view.clone(memory_format=torch.contiguous_format)
    ours, theirs = torch.nn.Parameter(view), torch.nn.Parameter(plain)
    address = ours.data_ptr()
    for param in (ours, theirs):
        optimizer = make_ours("Adam", [param], lr=0.1, amsgrad=True)
        for _ in range(3):
            param.grad = torch.full_like(param, 0.5) + param.detach()
            optimizer.step()
    assert_same_tensors([ours], arrays([theirs]))
    assert_same_tensors([view], arrays([ours]))
    assert ours.data_ptr() == address


def to_other_memory(param: torch.nn.Parameter) -> None:
    param.data = param.data.clone()


def to_other_layout(param: torch.nn.Parameter) -> None:
    param.data = param.data.contiguous(memory_format=torch.contiguous_format)


def to_shared_memory(param: Any) -> None:
    param.share_memory_()


def to_other_values(param: torch.nn.Parameter) -> None:
    param.data.mul_(0.5)


@pytest.mark.parametrize(
    "move", [to_other_memory, to_other_layout, to_shared_memory, to_other_values]
)
def test_a_parameter_that_moves_between_steps(move: Callable[[Any], None]) -> None:
    """As by an optimizer that is made there and goes on."""
    ours, theirs = make_model(), make_model()
    one, other = make_ours("Adam", ours.parameters()), make_ours("Adam", theirs.parameters())
    train(ours, one, range(3))
    train(theirs, other, range(3))
    old = ours[0].weight.detach()
    move(ours[0].weight)
    move(theirs[0].weight)
    kept = arrays([old])
    moved = old.data_ptr() != ours[0].weight.data_ptr()
    resumed = make_ours("Adam", theirs.parameters())
    resumed.load_state_dict(other.state_dict())
    train(ours, one, range(3, 6))
    train(theirs, resumed, range(3, 6))
    assert_same_tensors(ours.parameters(), arrays(theirs.parameters()))
    if moved:
        assert_same_tensors([old], kept)


def test_a_parameter_may_be_replaced_by_another_dtype_with_new_states() -> None:
    model = make_model(torch.float32)
    optimizer = make_ours("Adam", model.parameters())
    train(model, optimizer, range(2))
    model.double()
    with pytest.raises(TypeError, match=r"exp_avg.*parameter 0.*float64.*float32"):
        train(model, optimizer, [2])
    optimizer.state.clear()
    train(model, optimizer, range(2, 4))
    assert optimizer.state[model[0].weight]["exp_avg"].dtype == torch.float64


def test_autograd_notices_a_step_between_forward_and_backward() -> None:
    """As after torch's own step; else the gradients would silently be of other values."""
    model = make_model()
    optimizer = make_ours("SGD", model.parameters())
    loss = loss_of(model, 0)
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_gradients_that_are_expanded_or_require_gradients() -> None:
    param = torch.ones(2, 3, requires_grad=True)
    optimizer = make_ours("SGD", [param], lr=0.5)
    param.grad = torch.ones(()).expand(2, 3)
    optimizer.step()
    param.grad = torch.ones(2, 3, requires_grad=True)
    optimizer.step()
    assert (param == 0).all()


def test_gradients_are_not_kept() -> None:
    """zero_grad() gives their memory back."""
    param = torch.ones(3, requires_grad=True)
    optimizer = make_ours("Adam", [param])
    param.grad = torch.ones(3)
    kept = weakref.ref(param.grad)
    optimizer.step()
    optimizer.zero_grad()
    gc.collect()
    assert kept() is None


def test_an_optimizer_that_its_parameter_holds_is_collected() -> None:
    param: Any = torch.ones(3, requires_grad=True)
    param.optimizer = make_ours("Adam", [param])
    param.grad = torch.ones(3)
    param.optimizer.step()
    kept = weakref.ref(param.optimizer)
    del param
    gc.collect()
    assert kept() is None
