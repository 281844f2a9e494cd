"""AdaBelief."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.accuracy import exact
from tests.accuracy.coefficients import adam_coefficients, option
from tests.accuracy.exact import Element, root
from tests.accuracy.rounding import (
    denominator,
    descended,
    moving_average,
    moving_average_of_squares,
    product,
    quotient,
    shifted,
    shrunk,
    sum_of,
)
from tests.accuracy.step import Step
from tests.accuracy.strategies import moments


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    beta1, beta2, eps = options["beta1"], options["beta2"], options["eps"]
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    s = beta2 * before["exp_avg_var"] + (1 - beta2) * (g - m) ** 2 + eps
    below = root(s / (1 - beta2**step)) + eps
    update = exact.quotient(m / (1 - beta1**step), below)
    param = exact.shrunk(before, options) - options["lr"] * update
    return {"param": param, "exp_avg": m, "exp_avg_var": s}


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    beta1, beta2 = options["beta1"], options["beta2"]
    mean_error = moving_average(p, beta1, before["exp_avg"], g)
    seen = sum_of(p, g.value, -after["exp_avg"], g.error, mean_error)
    error = moving_average_of_squares(p, beta2, before["exp_avg_var"], seen)
    x = after["exp_avg_var"]
    error = shifted(p, x - options["eps"], error, option(p, options["eps"]))
    step_size, eps = adam_coefficients(
        p, options["lr"], beta1, beta2, options["eps"], step, eps_hat=False
    )
    below = denominator(p, x, error, eps, inside=False)
    update = product(p, step_size, *quotient(p, after["exp_avg"], mean_error, *below))
    shrinking = shrunk(p, before["param"], options)
    return {
        "exp_avg": mean_error,
        "exp_avg_var": error,
        "param": descended(p, after["param"], shrinking, update),
    }


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, c = options["lr"], p.rounds_options
    beta1, beta2 = options["beta1"], options["beta2"]
    m, v = abs(after["exp_avg"]), after["exp_avg_var"]
    terms = beta1 * abs(before["exp_avg"]) + (1 - beta1) * g.size
    distance = abs(g.value - after["exp_avg"])
    variance = 8 * v + 12 * (1 - beta2) * distance * terms
    correction = root(1 - beta2**step)
    d = root(v) + options["eps"] * correction
    k = 10 if c else 12 + 1 / (1 - beta1) + 1 / (1 - beta2)
    update = k * terms / d + variance * m / (2 * root(v) * d**2)
    rate = lr * correction / (1 - beta1**step)
    return {"exp_avg": 3 * terms, "exp_avg_var": variance, "param": rate * update}


OPTIONS = moments
