"""Arithmetic without rounding, and what the exact steps of the rules share.

Numbers are mpmath's, of 320 bits: against the rounding errors of float64 an error of 2**-320 of the
largest term is none. A dictionary holds one element of each array, and the scalars, by the name of
its argument.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import mpmath

from instep import reference
from tests.optimizers import DESCRIPTIONS

context = mpmath.MPContext()
context.prec = 320

Real: TypeAlias = Any
"""An mpmath number of `context`."""

Element: TypeAlias = dict[str, Real]

number = context.mpf
root = context.sqrt


def all_options(rule: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a step function, defaults included, floats as exact numbers.

    It says of every rule whether its decay is no part of the gradient.
    """
    signature = inspect.signature(getattr(reference, f"{rule}_step"))
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name != "step"
    }
    every = {**defaults, **options}
    if DESCRIPTIONS[rule].decay != "coupled":
        every["decoupled_weight_decay"] = True
    return {name: number(v) if isinstance(v, float) else v for name, v in every.items()}


def condition(
    grads: Sequence[Sequence[Real]],
    *,
    grad_scale: float = 1.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
) -> list[list[Real]]:
    """Return the elements of all gradients, unscaled and clipped."""
    unscaled = [[g / number(grad_scale) for g in grad] for grad in grads]
    if clip_value is not None:
        largest = number(clip_value)
        unscaled = [[min(max(g, -largest), largest) for g in grad] for grad in unscaled]
    if clip_norm is None:
        return unscaled
    norm = root(context.fsum(g * g for grad in unscaled for g in grad))
    factor = min(number(1), number(clip_norm) / (norm + number(1e-6)))
    return [[factor * g for g in grad] for grad in unscaled]


def gradient(before: Element, options: Mapping[str, Any]) -> Real:
    """Return the gradient with its sign and the decay that is part of it."""
    signed = -before["grad"] if options["maximize"] else before["grad"]
    if options.get("decoupled_weight_decay"):
        return signed
    return signed + options.get("weight_decay", 0) * before["param"]


def shrunk(before: Element, options: Mapping[str, Any]) -> Real:
    if not options["decoupled_weight_decay"]:
        return before["param"]
    return (1 - options["lr"] * options["weight_decay"]) * before["param"]


def denominator(v: Real, options: Mapping[str, Any]) -> Real:
    eps = options["eps"]
    return root(v + eps) if options["eps_inside_sqrt"] else root(v) + eps


def quotient(numerator: Real, denominator: Real) -> Real:
    return numerator / denominator if denominator else context.nan
