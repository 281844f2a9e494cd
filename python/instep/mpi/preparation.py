"""What a process asks for when an optimizer is made, checked by it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import instep.gradient_options as gradient_options
from instep.gradient_options import GradientOptions
from instep.mpi.agreement import Facts
from instep.mpi.facts import option_facts
from instep.mpi.plan import Plan
from instep.optimizer import Optimizer
from instep.optimizers.sgd import SGD
from instep.param_group import ParamGroup
from instep.parameters import Array, FlatGroup, Params, Structure, flatten_groups
from instep.state_dict import labels

OF_ALL = ("clip_norm", "nonfinite")
"""The gradient options that depend on all gradients, not on those of a share alone."""


class Preparation:
    """A class of optimizers, whole parameters, and options, all of which it takes."""

    def __init__(self, cls: type[Optimizer], params: Params, options: Mapping[str, Any]) -> None:
        _check_class(cls)
        if options.get("copies") is not None:
            raise TypeError(
                "copies: expected none, as each process steps a share of a parameter; copy the "
                "parameters after the step"
            )
        own = {name: each for name, each in options.items() if name in gradient_options.DEFAULTS}
        self.gradient_options: GradientOptions = gradient_options.check(own)
        self._class = cls
        self._options = {name: each for name, each in options.items() if name not in OF_ALL}
        self._groups, self.structure = _flat(params)
        whole = _checked(self._groups, self.structure)
        self.params: list[Array] = [param for group in whole for param in group.params]
        self.names: list[str | None] = []
        for each in whole:
            self.names.extend(each.names or [None] * len(each.params))
        self.labels: list[str] = labels(whole)
        model = self.make([np.empty(0, param.dtype) for param in self.params])
        self.facts: dict[str, Facts] = {
            "structure": {
                "class": cls.__name__,
                "structure of the gradients": self.structure,
                "groups": [len(group.params) for group in whole],
                "storage": [*model._storage.changed(), ("seed", model.seed)],
                **{
                    f"parameter {label}": f"{param.dtype.name}, shape {param.shape}"
                    for label, param in zip(self.labels, self.params, strict=True)
                },
            },
            "options": option_facts(model.param_groups, self.gradient_options),
        }

    def make(self, shares: Sequence[Array]) -> Optimizer:
        """Return an optimizer of such arrays in the place of the parameters."""
        each = iter(shares)
        groups = []
        for group in self._groups:
            arrays = [next(each) for _ in group.params]
            named = arrays if group.names is None else dict(zip(group.names, arrays, strict=True))
            groups.append({**group.options, "params": named})
        return self._class(groups, **self._options)


def view_of_share(param: Array, share: range, *, in_one_run: bool) -> Array:
    """Return the array that a share of a parameter is, which sees its memory."""
    plain = param.view(np.ndarray)
    if in_one_run:
        return plain.reshape(-1)[share.start : share.stop]
    row = max(1, plain[:1].size)
    return plain[-(-share.start // row) : -(-share.stop // row)]


def views_of_shares(
    params: Sequence[Array], plan: Plan, process: int, in_one_run: Sequence[bool]
) -> list[Array]:
    """Return the arrays that a process steps."""
    return [
        view_of_share(param, plan.share(process, k), in_one_run=in_run)
        for k, (param, in_run) in enumerate(zip(params, in_one_run, strict=True))
    ]


def _flat(params: Params) -> tuple[list[FlatGroup], Structure]:
    groups, structure = flatten_groups(params)
    for group in groups:
        if not group.params:
            raise ValueError("parameters: expected at least one array, got none")
    return groups, structure


def _checked(groups: Sequence[FlatGroup], structure: Structure) -> Sequence[ParamGroup]:
    """Return the groups with whole parameters, refused where an optimizer refuses them."""
    if structure == "array":
        return SGD(groups[0].params[0]).param_groups
    return SGD(
        [
            {
                "params": group.params
                if group.names is None
                else dict(zip(group.names, group.params, strict=True))
            }
            for group in groups
        ]
    ).param_groups


def _check_class(cls: object) -> None:
    if not (isinstance(cls, type) and issubclass(cls, Optimizer)) or not hasattr(cls, "_rule"):
        raise TypeError(f"cls: expected a class of optimizers, such as instep.Adam, got {cls!r}")
    if cls.step is not Optimizer.step:
        raise TypeError(
            f"cls: expected a class whose step takes gradients alone, got {cls.__name__}, which "
            "has a step of its own; use it on one process"
        )
    if not cls._rule.is_elementwise:
        raise TypeError(
            f"cls: expected a rule that steps each element by itself, got {cls.__name__}, whose "
            "steps depend on norms or sums of whole parameters, of which a process has a share; "
            "use instep.AdamW, or add up the gradients and step whole parameters on each process"
        )
