"""DTensors, of which each process has a share: those of ``fully_shard``, above all."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args

import torch

from instep.gradient_options import DEFAULTS

Measuring: TypeAlias = Literal["clip_norm", "nonfinite"]


def is_shard(tensor: torch.Tensor) -> bool:
    """Tell whether a tensor is a DTensor, without an import that nobody has asked for."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, getattr(module, "DTensor", ()))


def local_of(tensor: torch.Tensor) -> torch.Tensor:
    """Return this process's share of a DTensor, in its own memory, and any other tensor itself."""
    if not is_shard(tensor):
        return tensor
    shard: Any = tensor
    with torch.no_grad():  # else the share would be a part of the graph
        local: torch.Tensor = shard.to_local()
    return local


def check_placements(shard: Any, what: str) -> None:
    """Raise ValueError where the values of a DTensor are sums that have not been taken."""
    if any(placement.is_partial() for placement in shard.placements):
        raise ValueError(
            f"{what}: expected a DTensor that is sharded or replicated, got placements "
            f"{shard.placements}; pass its redistribute(placements=...)"
        )


def check_placed_as(param: Any, grad: Any, what: str) -> None:
    """Raise TypeError or ValueError unless a gradient's share is that of the parameter's share."""
    if not is_shard(param):
        if is_shard(grad):
            raise TypeError(
                f"{what}: expected a tensor as its parameter is one, got a DTensor; "
                "set param.grad to its full_tensor()"
            )
    elif not is_shard(grad):
        raise TypeError(
            f"{what}: expected a DTensor as its parameter is one, got a {type(grad).__name__}; set "
            "param.grad to torch.distributed.tensor.distribute_tensor(grad, param.device_mesh, "
            "param.placements)"
        )
    elif (grad.device_mesh, grad.placements) != (param.device_mesh, param.placements):
        raise ValueError(
            f"{what}: expected placements {param.placements} on {param.device_mesh} as its "
            f"parameter has, got {grad.placements} on {grad.device_mesh}; set param.grad to "
            "param.grad.redistribute(param.device_mesh, param.placements)"
        )


def measuring_option(options: Mapping[str, Any]) -> Measuring | None:
    """Return the name of an option that asks for all of the gradients, if one is set."""
    measuring: tuple[Measuring, ...] = get_args(Measuring)
    return next((name for name in measuring if options[name] != DEFAULTS[name]), None)


def check_not_measured(params: Iterable[torch.Tensor], options: Mapping[str, Any]) -> None:
    """Raise ValueError where an option asks for all of a gradient, and here is only a share."""
    name = measuring_option(options)
    if name is not None and any(map(is_shard, params)):
        raise ValueError(
            f"{name}: expected {DEFAULTS[name]!r} with parameters that are DTensors, got "
            f"{options[name]!r}; each process would decide by its own share of the gradients. Call "
            "torch.nn.utils.clip_grad_norm_, which takes all shares together (and has "
            "error_if_nonfinite), before the step"
        )
