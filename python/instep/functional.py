"""Compiled steps for those who keep the states themselves.

The functions of :mod:`instep.reference`, with the same names, signatures and defaults, as one call
into the core. A call checks all its arguments before anything is written, and raises TypeError or
ValueError with every array as it was.

Wherever an ndarray is expected, another library's array that exports DLPack from the CPU's memory
does as well: a tensor of torch, or as a gradient an array of JAX. See `instep.Optimizer`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import instep._core as _core
from instep.gradient_options import DEFAULTS, GradientOptions, check, check_grad_scale
from instep.numbers import COUNT_END, check_integer
from instep.optimizer import Optimizer
from instep.optimizers import class_of
from instep.reference import rules

if TYPE_CHECKING:
    from instep.reference.rules import *  # noqa: F403

P = ParamSpec("P")


def _compiled(specification: Callable[P, None], optimizer: type[Optimizer]) -> Callable[P, None]:
    """Return the compiled function that `specification` describes.

    `optimizer` is a class of the same rule, whose hyperparameters say what the options may be.
    """
    declared = inspect.signature(specification).parameters.values()
    parameters = [each for each in declared if each.kind is not each.VAR_KEYWORD]
    signature = inspect.Signature(parameters)
    arrays = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
    counts_steps = "step" in signature.parameters
    rule = optimizer._rule
    checks = rule.checks
    # In the core's order; what has no default is always given.
    default_options = {name: float(defaults.get(name, 0.0)) for name in rule.options}
    state_switches = [
        (arrays[2 + rule.states.index(state)], option)
        for state, option in rule.switches.items()
        if option in rule.options
    ]

    @wraps(specification)
    def step(*args: P.args, **kwargs: P.kwargs) -> None:
        conditions = _conditions(kwargs)
        passed = {**dict(zip(arrays, args, strict=False)), **kwargs}
        given: dict[str, Any] = {**defaults, **passed}
        if len(passed) != len(args) + len(kwargs) or given.keys() != signature.parameters.keys():
            signature.bind(*args, **kwargs)  # raises what Python itself would
        options = default_options.copy()
        for name, value in kwargs.items():
            if name in options:
                options[name] = checks[name](value)
        for state, option in state_switches:
            if options[option] != 0 and given[state] is None:
                raise ValueError(f"{option}: expected {state} to be passed with it, got None")
        rule.check_together(options)
        count = (
            check_integer("step", given["step"], at_least=1, below=COUNT_END) if counts_steps else 1
        )
        _core.step(
            rule.name, [given[name] for name in arrays], list(options.values()), count, *conditions
        )

    return step


def _conditions(kwargs: dict[str, Any]) -> tuple[float, GradientOptions]:
    """Take what is done to gradients out of `kwargs`, as the core takes it."""
    scale = check_grad_scale(kwargs.pop("grad_scale", 1.0))
    options = {name: kwargs.pop(name) for name in DEFAULTS if name in kwargs}
    if options.get("nonfinite") == "skip":
        raise ValueError(
            "nonfinite: expected 'propagate' or 'raise', got 'skip', which only an optimizer "
            "does: it counts what it skips"
        )
    return scale, check(options)


if not TYPE_CHECKING:  # to a type checker the functions are those of the reference
    __all__ = [name for name in vars(rules) if name.endswith("_step")]
    for _name in __all__:
        globals()[_name] = _compiled(getattr(rules, _name), class_of(_name.removesuffix("_step")))
