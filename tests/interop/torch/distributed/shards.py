"""DTensors, of which each process has a share."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import torch
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

import instep.interop.torch
from tests.api.model import Options
from tests.interop.torch.distributed.networks import (
    assert_same_training,
    backward,
    everybody,
    make_network,
    make_shards,
    placed,
    train,
    train_both,
    whole,
)
from tests.interop.torch.training import arrays, assert_same_tensors, make_ours, snapshot


def step_shards(name: str, options: Options, dim: int) -> None:
    model, twin = make_shards(dim), make_network()
    optimizer = make_ours(name, model.parameters(), **options)
    expected = make_ours(name, twin.parameters(), **options)
    memory = [param.to_local().data_ptr() for param in model.parameters()]
    if getattr(instep, name)._rule.reduced_states:
        before = arrays([param.to_local() for param in model.parameters()])
        with pytest.raises(TypeError, match=r"parameter 0: expected a whole tensor"):
            train(model, optimizer, range(1))
        assert_same_tensors([param.to_local() for param in model.parameters()], before)
        return
    train_both(model, optimizer, twin, expected, range(3))
    assert_same_training(optimizer, expected)
    assert [param.to_local().data_ptr() for param in model.parameters()] == memory
    for param in model.parameters():
        for state_name, state in optimizer.state[param].items():
            numbers = ("step", *getattr(instep, name)._rule.scalars)
            assert isinstance(state, DTensor) == (state_name not in numbers)


def step_replicas() -> None:
    ours = torch.nn.Parameter(placed([1.0, 2.0], Replicate()))
    theirs = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    one, other = make_ours("Adam", [ours], lr=0.5), make_ours("Adam", [theirs], lr=0.5)
    for _ in range(2):
        ours.grad = placed([0.5, -3.0], Replicate())
        theirs.grad = torch.tensor([0.5, -3.0])
        one.step()
        other.step()
    assert_same_training(one, other)


def clip_by_torch() -> None:
    """By the norm of all shares together."""
    model, twin = make_shards(), make_network()
    one, other = make_ours("SGD", model.parameters()), make_ours("SGD", twin.parameters())
    for network, optimizer in ((model, one), (twin, other)):
        backward(network, 0)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0**-10)
        optimizer.step()
    for param, expected in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(whole(param), expected)
    next(model.parameters()).grad.to_local()[0] = torch.nan
    with pytest.raises(RuntimeError, match="non-finite"):
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)


def clip_each_element() -> None:
    model, twin = make_shards(), make_network()
    one = make_ours("SGD", model.parameters(), lr=0.5, clip_value=2.0**-5)
    other = make_ours("SGD", twin.parameters(), lr=0.5, clip_value=2.0**-5)
    train_both(model, one, twin, other, range(2))
    assert_same_training(one, other)


def refuse_what_measures(name: str, value: Any) -> None:
    model = make_shards()
    message = rf"{name}: expected .*with parameters that are DTensors.*clip_grad_norm_"
    with pytest.raises(ValueError, match=message):
        make_ours("Adam", model.parameters(), **{name: value})
    optimizer = make_ours("Adam", model.parameters())
    with pytest.raises(ValueError, match=message):
        setattr(optimizer, name, value)
    train(model, optimizer, [0])

    frozen: Any = torch.nn.Parameter(placed([1.0, 2.0], Shard(0)), requires_grad=False)
    plain = torch.nn.Parameter(torch.zeros(2))
    mixed = make_ours("SGD", [plain, frozen], lr=1.0, **{name: value})
    plain.grad = torch.ones(2)
    mixed.step()
    frozen.grad = placed([1.0, 2.0], Shard(0))
    before = snapshot([plain, frozen.to_local()])
    with pytest.raises(ValueError, match=message):
        mixed.step()
    assert snapshot([plain, frozen.to_local()]) == before


def refuse_gradients() -> None:
    plain: Any = torch.nn.Parameter(torch.ones(4))
    param: Any = torch.nn.Parameter(placed([1.0, 2.0, 3.0, 4.0], Shard(0)))
    copies: Any = torch.nn.Parameter(placed([1.0, 2.0], Replicate()))
    optimizer = make_ours("Adam", [plain, param, copies])
    good = {
        plain: torch.ones(4),
        param: placed([1.0] * 4, Shard(0)),
        copies: placed([1.0] * 2, Replicate()),
    }
    summands = DTensor.from_local(torch.ones(2), everybody(), [Partial()])
    for refused, grad, error, message in (
        (plain, placed([1.0] * 4, Replicate()), TypeError, "full_tensor()"),
        (param, torch.ones(4), TypeError, "expected a DTensor as its parameter is one"),
        (copies, torch.ones(2), TypeError, "distribute_tensor(grad, param.device_mesh"),
        (param, placed([1.0] * 4, Replicate()), ValueError, "expected placements (Shard(dim=0),)"),
        (copies, summands, ValueError, "param.grad.redistribute(param.device_mesh"),
    ):
        for each, of_each in good.items():
            each.grad = of_each
        refused.grad = grad
        before = snapshot([plain, param.to_local(), copies.to_local()])
        with pytest.raises(error, match=re.escape(message)):
            optimizer.step()
        assert snapshot([plain, param.to_local(), copies.to_local()]) == before
        assert not optimizer.state
    copies.grad = summands.redistribute(copies.device_mesh, copies.placements)
    optimizer.step()
    assert (whole(copies) != torch.tensor([1.0, 2.0])).all()


def refuse_sums() -> None:
    param = torch.nn.Parameter(DTensor.from_local(torch.ones(2), everybody(), [Partial()]))
    with pytest.raises(ValueError, match=r"parameter 0: expected a DTensor that is sharded or rep"):
        make_ours("SGD", [param])


def wait_for_gradients() -> None:
    """A redistribution may still be under way."""
    param: Any = torch.nn.Parameter(placed([1.0, 2.0, 3.0, 4.0], Shard(0)))
    optimizer = make_ours("SGD", [param], lr=0.5)
    summands = DTensor.from_local(torch.ones(4), everybody(), [Partial()])
    param.grad = summands.redistribute(param.device_mesh, param.placements, async_op=True)
    optimizer.step()
    assert whole(param).tolist() == [0.0, 1.0, 2.0, 3.0]


def notice() -> None:
    param: Any = torch.nn.Parameter(placed([1.0, 2.0, 3.0, 4.0], Shard(0)))
    optimizer = make_ours("SGD", [param], lr=0.5)
    param.grad = placed([1.0] * 4, Shard(0))
    losses = [param.to_local().square().sum(), (param * param).sum().full_tensor()]
    optimizer.step()
    for loss in losses:
        with pytest.raises(RuntimeError, match=r"modified (by an )?inplace"):
            loss.backward()


def train_in_parallel_parts() -> None:
    """Tensor parallelism: both processes compute parts of each product."""
    torch.manual_seed(0)
    model: Any = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2))
    twin = copy.deepcopy(model)
    parallelize_module(model, everybody(), {"0": ColwiseParallel(), "2": RowwiseParallel()})
    one, other = make_ours("Adam", model.parameters()), make_ours("Adam", twin.parameters())
    for seed in range(3):
        backward(model, seed)
        for param, expected in zip(model.parameters(), twin.parameters(), strict=True):
            expected.grad = whole(param.grad)  # sums in an order of its own
        one.step()
        other.step()
    assert_same_training(one, other)


def replace_memory() -> None:
    """As by an optimizer that is made there and goes on."""
    model, twin = make_shards(), make_network()
    one, other = make_ours("Adam", model.parameters()), make_ours("Adam", twin.parameters())
    train_both(model, one, twin, other, range(2))
    for param in model.parameters():
        param.data = param.data.clone()
        one.state[param]["exp_avg"] = one.state[param]["exp_avg"].clone()
    train_both(model, one, twin, other, range(2, 4))
    assert_same_training(one, other)
