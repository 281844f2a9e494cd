"""Adagrad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.accuracy import exact
from tests.accuracy.coefficients import coefficient, option
from tests.accuracy.exact import Element, root
from tests.accuracy.precision import FLOAT64
from tests.accuracy.rounding import denominator, descended, product, quotient, sum_of_squares
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    total = before["state_sum"] + g * g
    lr = options["lr"] / (1 + (step - 1) * options["lr_decay"])
    direction = exact.quotient(g, exact.denominator(total, options))
    return {"param": before["param"] - lr * direction, "state_sum": total}


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    error = sum_of_squares(p, before["state_sum"], g)
    lr, decay = options["lr"], options["lr_decay"]
    step_size = option(p, lr)
    if decay and step > 1:
        step_size = coefficient(p, lr / (1 + (step - 1) * decay), FLOAT64.gamma(4), p.smallest)
    inside = options["eps_inside_sqrt"]
    below = denominator(p, after["state_sum"], error, option(p, options["eps"]), inside=inside)
    update = product(p, step_size, *quotient(p, g.value, g.error, *below))
    return {"state_sum": error, "param": descended(p, after["param"], update)}


def bound_in_short(taken: Step) -> Element:
    p, _, g, after, options, step = taken
    lr, c = options["lr"], p.rounds_options
    decay = options["lr_decay"]
    rate = lr / (1 + (step - 1) * decay)
    k = 6 if c else 9 if decay else 5
    direction = g.size / (root(after["state_sum"]) + options["eps"])
    return {"state_sum": 2 * after["state_sum"], "param": k * rate * direction}


OPTIONS = {"lr_decay": rates, "eps": rates, "eps_inside_sqrt": st.booleans()}
