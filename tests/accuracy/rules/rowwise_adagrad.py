"""Row-wise Adagrad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.accuracy import exact
from tests.accuracy.coefficients import option
from tests.accuracy.exact import Element, root
from tests.accuracy.precision import compound
from tests.accuracy.rounding import denominator, descended, quotient, shrunk, square_underflow
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    """Of a row of one element."""
    g = exact.gradient(before, options)
    total = before["state_sum"] + g * g
    rate = exact.quotient(options["lr"], root(total) + options["eps"])
    return {"param": exact.shrunk(before, options) - rate * g, "state_sum": total}


def bound(taken: Step) -> Element:
    """Of a row of one element: the mean is its square, rounded once."""
    p, before, g, after, options, _ = taken
    error = compound(p.gamma(2), g.relative, g.relative) * (before["state_sum"] + g.size**2)
    error += p.smallest + square_underflow(g)
    below = denominator(p, after["state_sum"], error, option(p, options["eps"]), inside=False)
    lr = option(p, options["lr"])
    rate, rate_error = quotient(p, lr.value, lr.relative * lr.value + lr.absolute, *below)
    update = (1 + p.unit) * ((rate + rate_error) * g.error + rate_error * abs(g.value))
    update += p.unit * rate * abs(g.value) + p.smallest
    decayed = shrunk(p, before["param"], options)
    return {"state_sum": error, "param": descended(p, after["param"], decayed, update)}


def bound_in_short(taken: Step) -> Element:
    p, _, g, after, options, _ = taken
    lr, c = options["lr"], p.rounds_options
    direction = g.size / (root(after["state_sum"]) + options["eps"])
    return {"state_sum": 2 * after["state_sum"], "param": (5 + c) * lr * direction}


OPTIONS = {"eps": rates}
