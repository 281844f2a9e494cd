"""Parameter groups of torch's optimizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch

from instep.gradient_options import DEFAULTS
from instep.interop.torch.storage import OWN_OPTIONS, by_name
from instep.rule import Rule

Group: TypeAlias = Mapping[str, Any]

_REFUSED = {
    "capturable": "it is for CUDA graphs, and instep steps tensors on the CPU",
    "differentiable": "instep's kernels write in place, and autograd does not see through them",
}


def read_options(group: Group, rule: Rule) -> dict[str, Any]:
    """Return the group's hyperparameters, tensors turned into numbers."""
    for name, reason in _REFUSED.items():
        if group.get(name):
            raise ValueError(f"{name}: expected False, got {group[name]!r}; {reason}")
    options = {name: as_number(name, group[name]) for name in rule.hyperparameters}
    check_no_callables(options)
    return options


def shown_options(group: Group, rule: Rule) -> dict[str, object]:
    """Return the objects that are options, which are the same as long as the options are.

    In the place of a tensor, whose number may become another, stands an object that is nowhere.
    """
    names = (*rule.hyperparameters, *_REFUSED, *OWN_OPTIONS)
    return {name: object() if _may_change(group.get(name)) else group.get(name) for name in names}


def _may_change(option: object) -> bool:
    return isinstance(option, torch.Tensor) or (
        isinstance(option, tuple) and any(map(_may_change, option))
    )


def check_no_callables(options: Mapping[str, Any]) -> None:
    """Raise TypeError where an option is a callable, which torch has other means for."""
    for name, value in options.items():
        if callable(value):
            instead = (
                "torch's optimizers take a schedule by "
                "torch.optim.lr_scheduler.LambdaLR(optimizer, schedule), with lr=1.0"
                if name == "lr"
                else f"set group[{name!r}] of param_groups between steps"
            )
            raise TypeError(f"{name}: expected no callable, got {value!r}; {instead}")


def check_options(group: Group, rule: Rule) -> None:
    """Raise TypeError or ValueError unless the group's options may be stepped with."""
    rule.check(read_options(group, rule))


def check_has_no_other(
    group: Group, options: Mapping[str, object], before: Mapping[str, object] | None = None
) -> None:
    """Raise ValueError where a group has another value of an option of the whole optimizer.

    The same value is what a wrapper has put there, such as torch's ZeroRedundancyOptimizer, and so
    is one that was there `before`.
    """
    for name, value in options.items():
        stays = before is not None and group.get(name) is before[name]
        if name in group and by_name(group[name]) != value and not stays:
            or_set = f", or set optimizer.{name}" if name in DEFAULTS else ""
            raise ValueError(
                f"{name}: expected it of the whole optimizer, which has {value!r}, got "
                f"{group[name]!r} of a group; pass it beside the groups{or_set}"
            )


def own_options_of(group: Group) -> dict[str, object]:
    """Return what a group holds of the options of the whole optimizer."""
    return {name: group.get(name) for name in OWN_OPTIONS}


def is_trained(param: torch.Tensor) -> bool:
    """Tell whether a parameter is to be stepped; a frozen one may be of any kind."""
    return param.requires_grad or param.grad is not None


def as_number(name: str, value: Any) -> Any:
    """Return the value of a tensor with one element, in a tuple too, and all else as it is."""
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise ValueError(f"{name}: expected one element, got shape {tuple(value.shape)}")
        return value.item()
    if isinstance(value, tuple):
        return tuple(as_number(name, each) for each in value)
    return value


def names_of(groups: Sequence[Group], position: int) -> Sequence[object]:
    """Return what messages call the parameters of a group: names, or positions among all.

    Names that torch lets stand twice, as those of two modules, or for fewer parameters than there
    are, name nothing.
    """
    group = groups[position]
    first = sum(len(before["params"]) for before in groups[:position])
    names: Sequence[object] = group.get("param_names", ())
    everywhere = [name for each in groups for name in each.get("param_names", ())]
    if len(names) != len(group["params"]) or len(set(everywhere)) != len(everywhere):
        return range(first, first + len(group["params"]))
    return names
