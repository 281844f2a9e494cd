"""Adadelta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.accuracy import exact
from tests.accuracy.coefficients import option
from tests.accuracy.exact import Element, context, number, root
from tests.accuracy.precision import NONE
from tests.accuracy.rounding import (
    denominator,
    descended,
    moving_average_of_squares,
    product,
    quotient,
)
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    rho, eps = options["rho"], options["eps"]
    v = rho * before["square_avg"] + (1 - rho) * g * g
    delta = exact.quotient(root(before["acc_delta"] + eps), root(v + eps)) * g
    return {
        "param": before["param"] - options["lr"] * delta,
        "square_avg": v,
        "acc_delta": rho * before["acc_delta"] + (1 - rho) * delta * delta,
    }


def bound(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    rho, eps = options["rho"], option(p, options["eps"])
    error = moving_average_of_squares(p, rho, before["square_avg"], g)
    bounds = {"square_avg": error}
    above, above_error = denominator(p, before["acc_delta"], number(0), eps, inside=True)
    below = denominator(p, after["square_avg"], error, eps, inside=True)
    ratio, ratio_error = quotient(p, above, above_error, *below)
    if not context.isfinite(ratio_error):
        return {**bounds, "acc_delta": NONE, "param": NONE}
    delta = ratio * g.size
    error = (1 + p.unit) * (ratio_error * (g.size + g.error) + ratio * g.error)
    error += p.unit * delta + p.smallest
    terms = rho * before["acc_delta"] + (1 - rho) * delta**2
    bounds["acc_delta"] = (
        p.gamma(4) * terms
        + (1 + p.gamma(4)) * (1 - rho) * error * (2 * delta + error)
        + p.smallest * (3 + p.rounds_options * before["acc_delta"])
    )
    update = product(p, option(p, options["lr"]), delta, error)
    bounds["param"] = descended(p, after["param"], update)
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, _, after, options, _ = taken
    lr, c = options["lr"], p.rounds_options
    delta = abs(before["param"] - after["param"]) / lr
    return {
        "square_avg": 4 * after["square_avg"],
        "acc_delta": (18 + c) * after["acc_delta"],
        "param": (8 + number(1.5) * c) * lr * delta,
    }


OPTIONS = {"rho": st.floats(0, 1), "eps": rates}
