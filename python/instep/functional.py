"""Compiled steps for those who keep the states themselves.

The functions of :mod:`instep.reference`, with the same names, signatures and defaults, as one call
into the core. A call checks all its arguments before anything is written, and raises TypeError or
ValueError with every array as it was.

Wherever an ndarray is expected, another library's array that exports DLPack from the CPU's memory
does as well: a tensor of torch, or as a gradient an array of JAX. See `instep.Optimizer`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Literal

import instep._core as _core
from instep.gradient_options import DEFAULTS, GradientOptions, check, check_grad_scale
from instep.hyperparameters import number_of
from instep.numbers import COUNT_END, check_integer
from instep.optimizer import Optimizer
from instep.optimizers import class_of
from instep.reference import rules
from instep.storage import Storage, check_seed

if TYPE_CHECKING:
    from instep.reference.rules import *  # noqa: F403

_ROUNDING = ("state_rounding", "param_rounding")

KEYWORDS = ("grad_scale", *DEFAULTS, *_ROUNDING, "param_rest", "copies", "seed", "first_parameter")
"""What every function takes beside the arguments of its rule."""


def _compiled(specification: Callable[..., None], optimizer: type[Optimizer]) -> _core.StepFunction:
    """Return the compiled function that `specification` describes.

    `optimizer` is a class of the same rule, whose hyperparameters say what the options may be.
    """
    declared = inspect.signature(specification).parameters.values()
    parameters = [each for each in declared if each.kind is not each.VAR_KEYWORD]
    signature = inspect.Signature(parameters)
    arrays = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
    rule = optimizer._rule
    checks = rule.checks
    options = set(signature.parameters) - {*arrays, "step"}
    of_rule = [*rule.states, *rule.scalars]
    if len(arrays) != 2 + len(of_rule) or not options == set(rule.options) <= checks.keys():
        raise LookupError(
            f"{specification.__name__}, {optimizer.__name__}: expected the states, scalars and "
            f"options of cpp/rules/{rule.name}.hpp: {', '.join([*of_rule, *rule.options])}"
        )
    states = arrays[2 : 2 + len(rule.states)]

    def refuse(*args: object, **kwargs: object) -> None:
        for name in KEYWORDS:
            kwargs.pop(name, None)
        signature.bind(*args, **kwargs)  # raises what Python itself would

    step = _core.StepFunction(
        rule=rule.name,
        arrays=arrays,
        required=signature.parameters.keys() - defaults.keys(),
        # In the core's order; what has no default is always given.
        options=[
            (name, number_of(defaults.get(name, 0.0)), *checks[name]) for name in rule.options
        ],
        conditions=KEYWORDS,
        switches={
            states[rule.states.index(state)]: option
            for state, option in rule.switches.items()
            if option in rule.options
        },
        by_chance=Storage(states).by_chance,
        check_step=_check_step if "step" in signature.parameters else None,
        check_together=rule.check_together,
        check_conditions=partial(_check_keywords, states),
        refuse=refuse,
    )
    update_wrapper(step, specification)
    step.__module__ = __name__  # where pickle finds it
    return step


def _check_keywords(
    states: Sequence[str], given: dict[str, Any]
) -> tuple[float, GradientOptions, dict[str, Any]]:
    """Return what is done to gradients, and how what is stored is rounded, as the core takes it."""
    scale = check_grad_scale(given.pop("grad_scale", 1.0))
    if given.get("nonfinite") == "skip":
        raise ValueError(
            "nonfinite: expected 'propagate' or 'raise', got 'skip', which only an optimizer "
            "does: it counts what it skips"
        )
    rest, copies = given.pop("param_rest", None), given.pop("copies", None)
    seed = check_seed(given.pop("seed", 0))
    first = check_integer(
        "first_parameter", given.pop("first_parameter", 0), at_least=0, below=COUNT_END
    )
    rounding = {name: given.pop(name) for name in _ROUNDING if name in given}
    bits: Literal[32] | None = None if rest is None else 32
    storage = Storage(states, master_weight_bits=bits, **rounding)
    return (
        scale,
        check(given),
        {
            "by_chance": storage.by_chance,
            "seed": seed,
            "first_parameter": first,
            "param_rest": rest,
            "copies": copies,
        },
    )


_check_step = partial(check_integer, "step", at_least=1, below=COUNT_END)


if not TYPE_CHECKING:  # to a type checker the functions are those of the reference
    __all__ = [name for name in vars(rules) if name.endswith("_step")]
    for _name in __all__:
        globals()[_name] = _compiled(getattr(rules, _name), class_of(_name.removesuffix("_step")))
