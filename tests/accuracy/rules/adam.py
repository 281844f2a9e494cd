"""Adam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

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
    shrunk,
)
from tests.accuracy.step import Step
from tests.accuracy.strategies import moments


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    beta1, beta2, eps = options["beta1"], options["beta2"], options["eps"]
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    v = beta2 * before["exp_avg_sq"] + (1 - beta2) * g * g
    after = {"exp_avg": m, "exp_avg_sq": v}
    if "max_exp_avg_sq" in before:
        v = after["max_exp_avg_sq"] = max(before["max_exp_avg_sq"], v)
    if options["bias_correction"]:
        correction = 1 - beta2**step
        m, v = m / (1 - beta1**step), v / correction
        eps = eps / root(correction) if options["eps_hat"] else eps
    update = exact.quotient(m, root(v) + eps)
    return {**after, "param": exact.shrunk(before, options) - options["lr"] * update}


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    beta1, beta2 = options["beta1"], options["beta2"]
    bounds = {
        "exp_avg": moving_average(p, beta1, before["exp_avg"], g),
        "exp_avg_sq": moving_average_of_squares(p, beta2, before["exp_avg_sq"], g),
    }
    x = after["exp_avg_sq"]
    if "max_exp_avg_sq" in before:
        bounds["max_exp_avg_sq"] = bounds["exp_avg_sq"]
        x = after["max_exp_avg_sq"]
    step_size, eps = option(p, options["lr"]), option(p, options["eps"])
    if options["bias_correction"]:
        step_size, eps = adam_coefficients(
            p, options["lr"], beta1, beta2, options["eps"], step, options["eps_hat"]
        )
    below = denominator(p, x, bounds["exp_avg_sq"], eps, inside=False)
    ratio, error = quotient(p, after["exp_avg"], bounds["exp_avg"], *below)
    update = product(p, step_size, ratio, error)
    bounds["param"] = descended(p, after["param"], shrunk(p, before["param"], options), update)
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, c = options["lr"], p.rounds_options
    beta1, beta2 = options["beta1"], options["beta2"]
    terms = beta1 * abs(before["exp_avg"]) + (1 - beta1) * g.size
    correction = root(1 - beta2**step)
    rate = lr * correction / (1 - beta1**step)
    k = 10 if c else 12 + 1 / (1 - beta1) + 1 / (1 - beta2)
    v = after.get("max_exp_avg_sq", after["exp_avg_sq"])
    update = k * rate * terms / (root(v) + options["eps"] * correction)
    squares = 4 * after["exp_avg_sq"]
    return {
        "exp_avg": 3 * terms,
        "exp_avg_sq": squares,
        "max_exp_avg_sq": squares,
        "param": update,
    }


OPTIONS = {**moments, "bias_correction": st.booleans(), "eps_hat": st.booleans()}
