"""Steps that overlap with the backward pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.ddp_zero_hook import hook_with_zero_step
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel

import instep.interop.torch
from instep.interop.torch import register_functional_optim
from tests.api.model import Options
from tests.interop.torch.distributed.networks import backward_together, make_network
from tests.interop.torch.training import arrays, assert_same_tensors, snapshot

BEFORE_THE_FIRST = 2
"""Backward passes without a step: torch learns there how gradients lie in buckets."""


def wrap(name: str, options: Options, group: Any, overlap: bool) -> Any:
    """Return the network, with a bucket for each parameter, and its optimizer."""
    model = DistributedDataParallel(make_network(), process_group=group, bucket_cap_mb=1e-5)
    optimizer = ZeroRedundancyOptimizer(
        model.parameters(),
        getattr(instep.interop.torch, name),
        process_group=group,
        overlap_with_ddp=overlap,
        **options,
    )
    return model, optimizer


def step_during_backward(name: str, options: Options, shard_buckets: bool) -> None:
    """As after it, bit for bit."""
    register_functional_optim(getattr(instep.interop.torch, name))
    group = dist.new_group(backend="cpu:gloo")  # torch refuses "gloo" by this name
    model, one = wrap(name, options, group, overlap=True)
    hook: Any = hook_with_zero_step(allreduce_hook, model, one, shard_buckets=shard_buckets)
    model.register_comm_hook(None, hook)
    twin, other = wrap(name, options, group, overlap=False)
    twin.register_comm_hook(None, allreduce_hook)
    for seed in range(6):
        if seed > BEFORE_THE_FIRST:  # where torch sets the rate back
            for optimizer in (one, other):
                optimizer.param_groups[0]["lr"] = 0.5**seed
        backward_together(model, seed)
        backward_together(twin, seed)
        if seed >= BEFORE_THE_FIRST:
            other.step()
        assert_same_tensors(model.parameters(), arrays(twin.parameters()))
        assert_same_tensors(gradients_of(model), arrays(gradients_of(twin)))
    one.consolidate_state_dict()
    other.consolidate_state_dict()
    if dist.get_rank() == 0:
        assert snapshot(one.state_dict()) == snapshot(other.state_dict())


def gradients_of(model: Any) -> list[torch.Tensor]:
    return [param.grad for param in model.parameters()]


def refuse_gloo() -> None:
    """As torch does, by its name."""
    register_functional_optim(instep.interop.torch.AdamW)
    model, optimizer = wrap("AdamW", {}, dist.group.WORLD, overlap=True)
    with pytest.raises(RuntimeError, match="Gloo backend using Overlapping DDP with ZeRO"):
        hook_with_zero_step(allreduce_hook, model, optimizer)
