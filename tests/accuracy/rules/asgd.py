"""ASGD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.accuracy import exact
from tests.accuracy.coefficients import option
from tests.accuracy.exact import Element, number
from tests.accuracy.precision import FLOAT64
from tests.accuracy.rounding import descended, product, quotient, shrunk_by, sum_of
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g, lr, old = exact.gradient(before, options), options["lr"], before["ax"]
    rate, weight = (lr, number(1)) if step == 1 else (before["eta"], before["mu"])
    param = (1 - options["lambd"] * rate) * before["param"] - rate * g
    return {
        "param": param,
        "ax": (1 - weight) * old + weight * param,
        "eta": lr / (1 + options["lambd"] * lr * step) ** options["alpha"],
        "mu": 1 / max(number(1), step - options["t0"]),
    }


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, alpha = options["lr"], options["alpha"]
    rate, weight = (lr, number(1)) if step == 1 else (before["eta"], before["mu"])
    shrinking = shrunk_by(p, before["param"], options["lambd"] * rate)
    error = descended(p, after["param"], shrinking, product(p, option(p, rate), g.size, g.error))
    bounds = {"param": error, "ax": error}
    if weight != 1:
        distance = sum_of(p, after["param"], -before["ax"], error)
        moved = product(p, option(p, weight), distance.size, distance.error)
        bounds["ax"] = descended(p, after["ax"], moved)

    doubles = FLOAT64
    power = (1 + options["lambd"] * lr * step) ** alpha
    relative = (1 + doubles.gamma(3)) / (1 - doubles.gamma(4)) ** alpha - 1
    if power * (1 + relative) >= number(2) ** 1024:
        relative = max(relative, number(1))
    bounds["eta"] = relative * after["eta"] + doubles.smallest
    steps = max(number(1), step - options["t0"])
    count_error = doubles.unit * step if step > 2**53 else 0
    error = (1 + doubles.unit) * count_error + doubles.unit * steps
    _, bounds["mu"] = quotient(doubles, number(1), number(0), steps, error)
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    c, doubles = p.rounds_options, FLOAT64.unit / p.unit
    rate, weight = before["eta"], before["mu"]
    param = 2 * abs(1 - options["lambd"] * rate) * abs(before["param"])
    param += 4 * options["lambd"] * rate * abs(before["param"]) * doubles
    param += (1 + c) * rate * g.size
    whole = param + abs(after["param"])
    distance = abs(after["param"] - before["ax"])
    moved = abs(after["ax"]) + weight * (whole + (2 + c) * distance)
    return {
        "param": param,
        "ax": whole if weight == 1 else moved,
        "eta": (3 + 4 * options["alpha"]) * after["eta"] * doubles,
        "mu": 2 * after["mu"] * doubles,
    }


OPTIONS = {"lambd": rates, "alpha": st.floats(0, 4), "t0": st.floats(-(2.0**40), 2.0**63)}
