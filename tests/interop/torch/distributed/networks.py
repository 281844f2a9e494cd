"""A network, alone and in shares, and what "the same" means for those who train it together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from tests.interop.torch.training import arrays, assert_same_tensors


def everybody() -> Any:
    return init_device_mesh("cpu", (dist.get_world_size(),))


def make_network() -> Any:
    """Return a network with tensors of an odd length, some with fewer rows than processes."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1), torch.nn.Flatten(0)
    )


def make_shards(dim: int = 0) -> Any:
    """Return the network in shares, matrices cut along `dim`, where that is even or 0."""
    network, mesh = make_network(), everybody()

    def place(param: torch.nn.Parameter) -> Shard:
        even = param.ndim == 2 and param.shape[dim] % mesh.size() == 0
        return Shard(dim if even else 0)

    for part in (network[0], network[2], network):
        fully_shard(part, mesh=mesh, shard_placement_fn=place)
    return network


def placed(values: Any, *placements: Any) -> DTensor:
    return distribute_tensor(torch.tensor(values), everybody(), placements)


def whole(tensor: Any) -> Any:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def backward(model: Any, seed: int) -> None:
    model.zero_grad()
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))
    (model(x) ** 2).mean().backward()


def backward_together(model: Any, seed: int) -> None:
    """Compute gradients of another batch in each process, of which the wrapper takes the mean."""
    backward(model, seed * dist.get_world_size() + dist.get_rank())


def train(model: Any, optimizer: Any, seeds: Iterable[int]) -> None:
    for seed in seeds:
        backward_together(model, seed)
        optimizer.step()


def train_both(model: Any, one: Any, twin: Any, other: Any, seeds: Iterable[int]) -> None:
    """Train a model of all processes, and by the same mean gradients a twin, whole in each."""
    for seed in seeds:
        backward_together(model, seed)
        for param, expected in zip(model.parameters(), twin.parameters(), strict=True):
            expected.grad = whole(param.grad).clone()
        one.step()
        other.step()


def params_of(optimizer: Any) -> list[Any]:
    return [param for group in optimizer.param_groups for param in group["params"]]


def assert_same_training(one: Any, other: Any) -> None:
    """Fail unless parameters and states of two optimizers are the same once put together."""
    for ours, theirs in zip(params_of(one), params_of(other), strict=True):
        assert_same_tensors([whole(ours)], arrays([whole(theirs)]))
        assert one.state[ours].keys() == other.state[theirs].keys()
        for name, state in other.state[theirs].items():
            assert_same_tensors([whole(one.state[ours][name])], arrays([whole(state)]))
