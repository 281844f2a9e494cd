"""Rprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.accuracy import exact
from tests.accuracy.coefficients import option
from tests.accuracy.exact import Element, Real, context, number
from tests.accuracy.precision import NONE, Precision
from tests.accuracy.rounding import descended, maximum, product
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    size = begun(before, options)
    change = g * before["prev"]
    if change > 0:
        size *= options["etaplus"]
    if change < 0:
        size *= options["etaminus"]
        g = number(0)
    size = min(max(size, options["step_size_min"]), options["step_size_max"])
    return {"param": before["param"] - context.sign(g) * size, "prev": g, "step_size": size}


def begun(before: Element, options: Mapping[str, Any]) -> Real:
    """Return Rprop's step size before it changes."""
    return options["lr"] if before["step_size"] < 0 else before["step_size"]


def rounded_option(p: Precision, value: Real) -> Real:
    """Bound the error of an option."""
    return p.rounds_options * (p.unit * value + p.smallest) if value else number(0)


def bound(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    change = (abs(g.value) - g.error) * abs(before["prev"])
    if (g.error and g.error >= abs(g.value)) or 0 < change <= p.smallest:
        return dict.fromkeys(after, NONE)  # a sign that rounding decides
    size, error = begun(before, options), number(0)
    if before["step_size"] < 0:
        error = rounded_option(p, size)
    for name, sign in (("etaplus", 1), ("etaminus", -1)):
        if sign * g.value * before["prev"] > 0:
            error = product(p, option(p, options[name]), size, error)
            size *= options[name]
    low, high = options["step_size_min"], options["step_size_max"]
    size, error = maximum(size, error, low, rounded_option(p, low))
    size, error = maximum(-size, error, -high, rounded_option(p, high))
    bounds = {"prev": g.error if after["prev"] else number(0), "step_size": error}
    bounds["param"] = descended(p, after["param"], error if after["prev"] else number(0))
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, _, _, after, _, _ = taken
    c = p.rounds_options
    size = (1 + 2 * c) * after["step_size"]
    return {"prev": 0, "step_size": size, "param": size}


OPTIONS = {
    "etaminus": st.floats(0, 1, exclude_min=True, exclude_max=True),
    "etaplus": st.floats(1, 2.0**10, exclude_min=True),
    "step_size_min": rates,
    "step_size_max": rates,
}
