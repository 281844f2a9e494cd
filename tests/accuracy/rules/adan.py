"""Adan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.accuracy import exact
from tests.accuracy.coefficients import Coefficient, adam_coefficients, coefficient, option
from tests.accuracy.exact import Element, number, root
from tests.accuracy.gradients import Gradient
from tests.accuracy.precision import FLOAT64, compound
from tests.accuracy.rounding import (
    denominator,
    descended,
    moving_average,
    moving_average_of_squares,
    product,
    quotient,
    shrunk,
    sum_of,
)
from tests.accuracy.step import Step
from tests.accuracy.strategies import below_one, rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g, lr = exact.gradient(before, options), options["lr"]
    beta1, beta2, beta3 = options["beta1"], options["beta2"], options["beta3"]
    d = g + before["neg_pre_grad"] if step > 1 else number(0)
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    v = beta2 * before["exp_avg_diff"] + (1 - beta2) * d
    n = beta3 * before["exp_avg_sq"] + (1 - beta3) * (g + beta2 * d) ** 2
    above = m / (1 - beta1**step) + beta2 * v / (1 - beta2**step)
    update = lr * exact.quotient(above, root(n / (1 - beta3**step)) + options["eps"])
    param, decay = before["param"], lr * options["weight_decay"]
    param = (1 - decay) * param - update if options["no_prox"] else (param - update) / (1 + decay)
    return {
        "param": param,
        "exp_avg": m,
        "exp_avg_sq": n,
        "exp_avg_diff": v,
        "neg_pre_grad": -g,
    }


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, eps, decay = options["lr"], options["eps"], options["lr"] * options["weight_decay"]
    beta1, beta2, beta3 = options["beta1"], options["beta2"], options["beta3"]
    d = Gradient(number(0), number(0))
    if step > 1:
        d = sum_of(p, g.value, before["neg_pre_grad"], g.error)
    ahead = sum_of(
        p, g.value, beta2 * d.value, g.error, product(p, option(p, beta2), d.size, d.error)
    )
    mean, change = after["exp_avg"], after["exp_avg_diff"]
    bounds = {
        "exp_avg": moving_average(p, beta1, before["exp_avg"], g),
        "exp_avg_sq": moving_average_of_squares(p, beta3, before["exp_avg_sq"], ahead),
        "exp_avg_diff": moving_average(p, beta2, before["exp_avg_diff"], d),
        "neg_pre_grad": g.error,
    }
    mean_size, eps = adam_coefficients(p, lr, beta1, beta3, eps, step, eps_hat=False)
    diff_size, _ = adam_coefficients(p, lr * beta2, beta2, beta3, options["eps"], step, False)
    diff_size = Coefficient(
        diff_size.value, compound(diff_size.relative, FLOAT64.unit), 2 * diff_size.absolute
    )
    above = sum_of(
        p,
        mean_size.value * mean,
        diff_size.value * change,
        product(p, mean_size, mean, bounds["exp_avg"]),
        product(p, diff_size, change, bounds["exp_avg_diff"]),
    )
    below = denominator(p, after["exp_avg_sq"], bounds["exp_avg_sq"], eps, inside=False)
    update, error = quotient(p, above.value, above.error, *below)
    if options["no_prox"]:
        shrinking = shrunk(p, before["param"], options)
        bounds["param"] = descended(p, after["param"], shrinking, error)
        return bounds
    stepped = before["param"] - update
    error = descended(p, stepped, error)
    if decay:
        shrink_after = coefficient(p, 1 / (1 + decay), FLOAT64.gamma(3), p.smallest)
        error = product(p, shrink_after, stepped, error)
    bounds["param"] = error
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, c = options["lr"], p.rounds_options
    beta1, beta2, beta3 = (options[f"beta{k}"] for k in (1, 2, 3))
    d = abs(g.value + before["neg_pre_grad"])
    ahead = abs(g.value + beta2 * (g.value + before["neg_pre_grad"]))
    mean = beta1 * abs(before["exp_avg"]) + (1 - beta1) * g.size
    change = beta2 * abs(before["exp_avg_diff"]) + (1 - beta2) * d
    square = 6 * after["exp_avg_sq"] + 12 * (1 - beta3) * beta2 * ahead * d
    correction = root(1 - beta3**step)
    size = root(after["exp_avg_sq"])
    below = size + options["eps"] * correction
    terms = mean / (1 - beta1**step) + beta2 * change / (1 - beta2**step)
    k = 11 if c else 15 + 1 / (1 - beta1) + 1 / (1 - beta2) + 1 / (1 - beta3)
    k += square / (2 * size * below)
    return {
        "exp_avg": 3 * mean,
        "exp_avg_sq": square,
        "exp_avg_diff": 4 * change,
        "neg_pre_grad": number(0),
        "param": k * lr * correction * terms / below,
    }


OPTIONS = {
    "beta1": below_one,
    "beta2": below_one,
    "beta3": below_one,
    "eps": rates,
    "no_prox": st.booleans(),
}
