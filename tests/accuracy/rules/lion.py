"""Lion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.accuracy import exact
from tests.accuracy.coefficients import option
from tests.accuracy.exact import Element, context, number
from tests.accuracy.rounding import descended, moving_average, product, shrunk
from tests.accuracy.step import Step
from tests.accuracy.strategies import below_one


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    beta1, beta2, m = options["beta1"], options["beta2"], before["exp_avg"]
    direction = context.sign(beta1 * m + (1 - beta1) * g)
    param = exact.shrunk(before, options) - options["lr"] * direction
    return {"param": param, "exp_avg": beta2 * m + (1 - beta2) * g}


def bound(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    lr, beta1, beta2 = options["lr"], options["beta1"], options["beta2"]
    mean = beta1 * before["exp_avg"] + (1 - beta1) * g.value
    certain = abs(mean) > moving_average(p, beta1, before["exp_avg"], g)
    sign, error = context.sign(mean), number(0 if certain else 2)
    update = product(p, option(p, lr), sign, error)
    shrinking = shrunk(p, before["param"], options)
    return {
        "exp_avg": moving_average(p, beta2, before["exp_avg"], g),
        "param": descended(p, after["param"], shrinking, update),
    }


def bound_in_short(taken: Step) -> Element:
    p, before, g, _, options, _ = taken
    lr, c = options["lr"], p.rounds_options
    beta2 = options["beta2"]
    terms = beta2 * abs(before["exp_avg"]) + (1 - beta2) * g.size
    return {"exp_avg": 3 * terms, "param": (1 + c) * lr}


OPTIONS = {"beta1": below_one, "beta2": below_one}
