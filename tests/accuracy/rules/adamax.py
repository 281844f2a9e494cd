"""Adamax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.accuracy import exact
from tests.accuracy.coefficients import Coefficient, bias_correction, coefficient, option
from tests.accuracy.exact import Element, number
from tests.accuracy.precision import FLOAT64, NONE
from tests.accuracy.rounding import descended, maximum, moving_average, product, quotient, shifted
from tests.accuracy.step import Step
from tests.accuracy.strategies import below_one, rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    m = options["beta1"] * before["exp_avg"] + (1 - options["beta1"]) * g
    u = max(options["beta2"] * before["exp_inf"], abs(g) + options["eps"])
    update = options["lr"] * exact.quotient(m / (1 - options["beta1"] ** step), u)
    return {"param": before["param"] - update, "exp_avg": m, "exp_inf": u}


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, beta1, beta2 = options["lr"], options["beta1"], options["beta2"]
    mean = moving_average(p, beta1, before["exp_avg"], g)
    old = beta2 * before["exp_inf"], product(p, option(p, beta2), before["exp_inf"], number(0))
    new = abs(g.value) + options["eps"], g.error
    if options["eps"]:
        new = new[0], shifted(p, abs(g.value), g.error, option(p, options["eps"]))
    largest, error = maximum(*old, *new)
    bounds = {"exp_avg": mean, "exp_inf": error}
    first, inexact = bias_correction(beta1, step)
    step_size = Coefficient(lr, NONE, NONE)
    if inexact < 1:
        relative = (1 + FLOAT64.unit) / (1 - inexact) - 1
        smallest = p.smallest + FLOAT64.smallest / (first * (1 - inexact))
        step_size = coefficient(p, lr / first, relative, smallest)
    update = product(p, step_size, *quotient(p, after["exp_avg"], mean, largest, error))
    bounds["param"] = descended(p, after["param"], update)
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, c = options["lr"], p.rounds_options
    terms = options["beta1"] * abs(before["exp_avg"]) + (1 - options["beta1"]) * g.size
    largest = after["exp_inf"]
    k = 7 + (c or 1 / (1 - options["beta1"]))
    update = k * lr / (1 - options["beta1"] ** step) * terms / largest
    return {"exp_avg": 3 * terms, "exp_inf": (1 + c) * largest, "param": update}


OPTIONS = {"beta1": below_one, "beta2": below_one, "eps": rates}
