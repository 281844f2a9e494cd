"""What two processes do together; `test_distributed` runs it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    get_state_dict,
    set_optimizer_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

import instep.interop.torch
from instep.interop.torch import from_torch_state_dict
from tests.api.model import Options
from tests.interop.torch.training import (
    arrays,
    assert_same_tensors,
    make_ours,
    make_theirs,
    snapshot,
)


def make_network() -> Any:
    """Return a network with tensors of an odd length and, in two shares, an empty share."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1), torch.nn.Flatten(0)
    )


def make_shards(dim: int = 0) -> Any:
    """Return the network in two shares, matrices cut along `dim`, where that is even or 0."""
    network = make_network()

    def place(param: torch.nn.Parameter) -> Shard:
        return Shard(dim if param.ndim == 2 and param.shape[dim] % 2 == 0 else 0)

    for part in (network[0], network[2], network):
        fully_shard(part, mesh=both(), shard_placement_fn=place)
    return network


MAKES: dict[str, Callable[[], Any]] = {
    "whole": make_network,
    "rows": make_shards,
    "columns": lambda: make_shards(1),
}


def both() -> Any:
    return init_device_mesh("cpu", (2,))


def backward(model: Any, seed: int) -> None:
    """Compute gradients of the same batch in both processes: their mean has no rounding."""
    model.zero_grad()
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))
    (model(x) ** 2).mean().backward()


def train(model: Any, optimizer: Any, seeds: Iterable[int]) -> None:
    for seed in seeds:
        backward(model, seed)
        optimizer.step()


def whole(tensor: Any) -> Any:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def params_of(optimizer: Any) -> list[Any]:
    return [param for group in optimizer.param_groups for param in group["params"]]


def assert_same_training(one: Any, other: Any) -> None:
    """Fail unless parameters and states of two optimizers are the same once put together."""
    for ours, theirs in zip(params_of(one), params_of(other), strict=True):
        assert_same_tensors([whole(ours)], arrays([whole(theirs)]))
        assert one.state[ours].keys() == other.state[theirs].keys()
        for name, state in other.state[theirs].items():
            assert_same_tensors([whole(one.state[ours][name])], arrays([whole(state)]))


def placed(values: Any, *placements: Any) -> Any:
    return distribute_tensor(torch.tensor(values), both(), placements)


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
    train(model, optimizer, range(3))
    train(twin, expected, range(3))
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


def resume(folder: str, name: str, options: Options, first: str, second: str) -> None:
    """Go on from a distributed checkpoint with another layout, or another library's class."""
    layout, by = first.split()
    other_layout, other_by = second.split()
    by_whom: dict[str, Callable[..., Any]] = {"instep": make_ours, "torch": make_theirs}

    model = MAKES[layout]()
    optimizer = by_whom[by](name, model.parameters(), **options)
    train(model, optimizer, range(3))
    weights, states = get_state_dict(model, optimizer)
    save({"weights": weights, "states": states}, checkpoint_id=folder)

    other = MAKES[other_layout]()
    resumed = by_whom[other_by](name, other.parameters(), **{**options, "lr": 0.75})
    weights, states = get_state_dict(other, resumed)
    # torch's lacks the options that it does not have.
    planner = DefaultLoadPlanner(allow_partial_load=by == "torch")
    load({"weights": weights, "states": states}, checkpoint_id=folder, planner=planner)
    set_state_dict(other, resumed, model_state_dict=weights, optim_state_dict=states)
    assert_same_training(resumed, optimizer)
    if by == other_by:
        train(model, optimizer, range(3, 6))
        train(other, resumed, range(3, 6))
        assert_same_training(resumed, optimizer)


def gather_and_scatter() -> None:
    model, other = make_shards(), make_shards(1)
    optimizer = make_ours("Adam", model.parameters())
    train(model, optimizer, range(2))
    with pytest.raises(TypeError, match=r"exp_avg: expected a whole tensor.*full_state_dict=True"):
        from_torch_state_dict(optimizer)
    gathered = get_optimizer_state_dict(
        model, optimizer, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )
    expected = [whole(state["exp_avg"]) for state in optimizer.state.values()]
    if dist.get_rank() == 0:
        converted = from_torch_state_dict(gathered)["state"].values()
        assert_same_tensors(expected, [state["exp_avg"] for state in converted])
    resumed = make_ours("Adam", other.parameters())
    set_optimizer_state_dict(
        other,
        resumed,
        gathered,
        options=StateDictOptions(full_state_dict=True, broadcast_from_rank0=True),
    )
    assert_same_tensors(
        (whole(state["exp_avg"]) for state in resumed.state.values()), arrays(expected)
    )


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
    train(model, one, range(2))
    train(twin, other, range(2))
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
    summands = DTensor.from_local(torch.ones(2), both(), [Partial()])
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
    param = torch.nn.Parameter(DTensor.from_local(torch.ones(2), both(), [Partial()]))
    with pytest.raises(ValueError, match=r"parameter 0: expected a DTensor that is sharded or rep"):
        make_ours("SGD", [param])


def wait_for_gradients() -> None:
    """A redistribution may still be under way."""
    param: Any = torch.nn.Parameter(placed([1.0, 2.0, 3.0, 4.0], Shard(0)))
    optimizer = make_ours("SGD", [param], lr=0.5)
    summands = DTensor.from_local(torch.ones(4), both(), [Partial()])
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
    parallelize_module(model, both(), {"0": ColwiseParallel(), "2": RowwiseParallel()})
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
    train(model, one, range(2))
    train(twin, other, range(2))
    for param in model.parameters():
        param.data = param.data.clone()
        one.state[param]["exp_avg"] = one.state[param]["exp_avg"].clone()
    train(model, one, range(2, 4))
    train(twin, other, range(2, 4))
    assert_same_training(one, other)


def train_with_ddp(name: str, options: Options) -> None:
    model, twin = DistributedDataParallel(make_network()), make_network()
    one = make_ours(name, model.parameters(), **options)
    other = make_ours(name, twin.parameters(), **options)
    train(model, one, range(3))
    train(twin, other, range(3))
    assert_same_training(one, other)


def train_with_zero(name: str, options: Options) -> None:
    model, twin = DistributedDataParallel(make_network()), make_network()
    one = ZeroRedundancyOptimizer(
        model.parameters(), getattr(instep.interop.torch, name), clip_value=0.25, **options
    )
    other = make_ours(name, twin.parameters(), clip_value=0.25, **options)
    train(model, one, range(3))
    train(twin, other, range(3))
    assert_same_tensors(model.parameters(), arrays(twin.parameters()))
    one.consolidate_state_dict(to=0)
    if dist.get_rank() == 0:
        assert snapshot(one.state_dict()["state"]) == snapshot(other.state_dict()["state"])


def train_with_fsdp1(name: str, options: Options, use_orig_params: bool) -> None:
    model: Any = FullyShardedDataParallel(
        make_network(), use_orig_params=use_orig_params, device_id=torch.device("cpu")
    )
    twin = make_network()
    one = make_ours(name, model.parameters(), **options)
    other = make_ours(name, twin.parameters(), **options)
    train(model, one, range(3))
    train(twin, other, range(3))
    with FullyShardedDataParallel.summon_full_params(model):
        trained = flat(model)
    assert_same_tensors([trained], arrays([flat(twin)]))


def flat(model: Any) -> torch.Tensor:
    return torch.cat([param.detach().flatten() for param in model.parameters()])
