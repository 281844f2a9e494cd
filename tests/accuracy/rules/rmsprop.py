"""RMSprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.accuracy import exact
from tests.accuracy.coefficients import option
from tests.accuracy.exact import Element, context, number, root
from tests.accuracy.rounding import (
    denominator,
    descended,
    moving_average,
    moving_average_of_squares,
    product,
    quotient,
)
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    alpha = options["alpha"]
    v = alpha * before["square_avg"] + (1 - alpha) * g * g
    after = {"square_avg": v}
    if "grad_avg" in before:
        mean = after["grad_avg"] = alpha * before["grad_avg"] + (1 - alpha) * g
        v = max(v - mean * mean, number(0))
    direction = exact.quotient(g, exact.denominator(v, options))
    if "momentum_buffer" in before:
        direction += options["momentum"] * before["momentum_buffer"]
        after["momentum_buffer"] = direction
    return {**after, "param": before["param"] - options["lr"] * direction}


def bound(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    alpha = options["alpha"]
    x = after["square_avg"]
    error = moving_average_of_squares(p, alpha, before["square_avg"], g)
    bounds = {"square_avg": error}
    if "grad_avg" in before:
        mean = abs(after["grad_avg"])
        mean_error = moving_average(p, alpha, before["grad_avg"], g)
        bounds["grad_avg"] = mean_error
        square_error = (1 + p.unit) * mean_error * (2 * mean + mean_error)
        square_error += p.unit * mean**2 + p.smallest
        difference = x - mean**2
        error = (1 + p.unit) * (error + square_error) + p.unit * abs(difference)
        x = max(difference, number(0))
    inside = options["eps_inside_sqrt"]
    below = denominator(p, x, error, option(p, options["eps"]), inside=inside)
    direction, error = quotient(p, g.value, g.error, *below)
    if "momentum_buffer" in before:
        old = before["momentum_buffer"]
        error += product(p, option(p, options["momentum"]), old, number(0))
        direction = after["momentum_buffer"]
        if context.isfinite(error):
            error = (1 + p.unit) * error + p.unit * abs(direction)
        bounds["momentum_buffer"] = error
    update = product(p, option(p, options["lr"]), direction, error)
    bounds["param"] = descended(p, after["param"], update)
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    lr, c = options["lr"], p.rounds_options
    direction = g.size / (root(after["square_avg"]) + options["eps"])
    terms = options["momentum"] * abs(before.get("momentum_buffer", 0)) + direction
    k = 7 + c if "momentum_buffer" in before else 6 + c
    return {
        "square_avg": 4 * after["square_avg"],
        "momentum_buffer": 6 * terms,
        "param": k * lr * terms,
    }


OPTIONS = {
    "alpha": st.floats(0, 1),
    "eps": rates,
    "momentum": rates,
    "eps_inside_sqrt": st.booleans(),
}
