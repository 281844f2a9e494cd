"""Training in torch's wrappers, beside one process alone and torch's own optimizers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel

import instep.interop.torch
from tests.api.model import Options
from tests.interop.torch.distributed.networks import (
    backward_together,
    make_network,
    make_shards,
    train,
    train_both,
    whole,
)
from tests.interop.torch.training import (
    arrays,
    assert_close,
    assert_same_tensors,
    make_ours,
    make_theirs,
    snapshot,
)


def wrap_in_fsdp1(use_orig_params: bool) -> Any:
    return FullyShardedDataParallel(
        make_network(), use_orig_params=use_orig_params, device_id=torch.device("cpu")
    )


WRAPPERS: Mapping[str, Callable[[], Any]] = {
    "DDP": lambda: DistributedDataParallel(make_network()),
    "FSDP1": lambda: wrap_in_fsdp1(False),
    "FSDP1 with use_orig_params": lambda: wrap_in_fsdp1(True),
    "FSDP2": make_shards,
}


def train_in(wrapper: str, name: str, options: Options) -> None:
    """As one process that is given the mean gradients, and within rounding as torch's class."""
    model, twin, rival = WRAPPERS[wrapper](), make_network(), WRAPPERS[wrapper]()
    ours = make_ours(name, model.parameters(), **options)
    alone = make_ours(name, twin.parameters(), **options)
    for seed in range(3):
        backward_together(model, seed)
        give_gradient(twin, flat_gradient(model))
        ours.step()
        alone.step()
    train(rival, make_theirs(name, rival.parameters(), **options), range(3))
    assert_same_tensors([flat(model)], arrays([flat(twin)]))
    assert_close(flat(model), flat(rival))


def flat(model: Any) -> torch.Tensor:
    """Return all parameters, put together, in one tensor."""
    if isinstance(model, FullyShardedDataParallel):
        with FullyShardedDataParallel.summon_full_params(model):
            return torch.cat([param.detach().flatten() for param in model.parameters()])
    return torch.cat([whole(param).detach().flatten() for param in model.parameters()])


def flat_gradient(model: Any) -> torch.Tensor:
    """Return the mean gradient of all parameters; that of FSDP1 may have zeros at its end."""
    gradients = [param.grad for param in model.parameters()]
    if isinstance(model, FullyShardedDataParallel):
        gradients = [from_all(grad) for grad in gradients]
    return torch.cat([whole(grad).flatten() for grad in gradients])


def from_all(shard: torch.Tensor | None) -> torch.Tensor:
    """Join the shards of all processes, in their order; None where a process has none."""
    shards: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(shards, shard)
    return torch.cat([each for each in shards if each is not None])


def give_gradient(network: Any, gradient: torch.Tensor) -> None:
    for param in network.parameters():
        param.grad = gradient[: param.numel()].view_as(param).clone()
        gradient = gradient[param.numel() :]


def train_with_zero(name: str, options: Options, bucket_view: bool) -> None:
    """As `train_in`, with groups, of which a fourth process has nothing; dictionaries go on."""

    def distributed(network: Any, optimizer_class: Any, bucket_view: bool, **more: Any) -> Any:
        return ZeroRedundancyOptimizer(
            in_two_groups(network),
            optimizer_class,
            parameters_as_bucket_view=bucket_view,
            **options,
            **more,
        )

    ours, theirs = getattr(instep.interop.torch, name), getattr(torch.optim, name)
    network, twin, rival = make_network(), make_network(), make_network()
    one = distributed(network, ours, bucket_view, clip_value=0.25)
    alone = make_ours(name, in_two_groups(twin), clip_value=0.25, **options)
    train_both(DistributedDataParallel(network), one, twin, alone, range(3))
    owners = torch.tensor(any(group["params"] for group in one.optim.param_groups), dtype=torch.int)
    dist.all_reduce(owners)
    assert owners == min(3, dist.get_world_size())
    other, model = distributed(rival, theirs, bucket_view), DistributedDataParallel(rival)
    for seed in range(3):
        backward_together(model, seed)
        torch.nn.utils.clip_grad_value_(rival.parameters(), 0.25)
        other.step()
    assert_same_tensors(network.parameters(), arrays(twin.parameters()))
    assert_close(flat(network), flat(rival))
    saved, of_torch = collected(one), collected(other)
    assert snapshot(saved["state"]) == snapshot(alone.state_dict()["state"])

    resumed = distributed(rival, ours, not bucket_view, clip_value=0.25)
    resumed.load_state_dict(copy.deepcopy(of_torch))
    assert snapshot(collected(resumed)["state"]) == snapshot(of_torch["state"])
    other.load_state_dict(copy.deepcopy(saved))
    assert snapshot(collected(other)["state"]) == snapshot(saved["state"])
    rival.load_state_dict(network.state_dict())
    resumed.load_state_dict(saved)
    train_both(model, resumed, twin, alone, range(3, 5))
    assert_same_tensors(rival.parameters(), arrays(twin.parameters()))


def in_two_groups(network: Any) -> list[dict[str, Any]]:
    """Return groups of three parameters in all."""
    return [{"params": [network[0].weight], "lr": 0.25}, {"params": [*network[2].parameters()]}]


def collected(zero: ZeroRedundancyOptimizer) -> Any:
    """Return the dictionary that the last process collects, in each process."""
    last = dist.get_world_size() - 1
    zero.consolidate_state_dict(to=last)
    box = [zero.state_dict() if dist.get_rank() == last else None]
    dist.broadcast_object_list(box, src=last)
    return box[0]
