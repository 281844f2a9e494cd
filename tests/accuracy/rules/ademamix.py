"""AdEMAMix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.accuracy import exact
from tests.accuracy.coefficients import Coefficient, adam_coefficients, bias_correction, coefficient
from tests.accuracy.exact import Element, Real, context, number, root
from tests.accuracy.precision import FLOAT64, NONE
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
    g, beta1, beta2 = exact.gradient(before, options), options["beta1"], options["beta2"]
    beta3 = slow_rate(options, step)
    fast = beta1 * before["exp_avg_fast"] + (1 - beta1) * g
    slow = beta3 * before["exp_avg_slow"] + (1 - beta3) * g
    v = beta2 * before["exp_avg_sq"] + (1 - beta2) * g * g
    above = fast / (1 - beta1**step) + slow_weight(options, step) * slow
    update = exact.quotient(above, root(v / (1 - beta2**step)) + options["eps"])
    param = exact.shrunk(before, options) - options["lr"] * update
    return {"param": param, "exp_avg_fast": fast, "exp_avg_slow": slow, "exp_avg_sq": v}


def slow_rate(options: Mapping[str, Any], step: int) -> Real:
    """Return AdEMAMix's decay rate of the slow mean at a step."""
    beta1, beta3, warmup = options["beta1"], options["beta3"], options["beta3_warmup"]
    if warmup is None or step >= warmup or beta1 >= beta3:
        return beta3
    part, log3 = step / warmup, context.log(beta3)
    if not beta1:
        return context.exp(log3 / part)
    return context.exp(1 / ((1 - part) / context.log(beta1) + part / log3))


def slow_weight(options: Mapping[str, Any], step: int) -> Real:
    """Return AdEMAMix's weight of the slow mean at a step."""
    warmup = options["alpha_warmup"]
    warm = warmup is None or step >= warmup
    return options["alpha"] if warm else step / warmup * options["alpha"]


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, beta1, beta2 = options["lr"], options["beta1"], options["beta2"]
    beta3, beta3_error = slow_rate(options, step), number(0)
    if beta3 != options["beta3"]:
        beta3_error = beta3 * (FLOAT64.gamma(9) * -context.log(beta3) + FLOAT64.gamma(2))
        beta3_error += FLOAT64.smallest
    fast, slow = after["exp_avg_fast"], after["exp_avg_slow"]
    old = before["exp_avg_slow"]
    bounds = {
        "exp_avg_fast": moving_average(p, beta1, before["exp_avg_fast"], g),
        "exp_avg_slow": moving_average(p, beta3, old, g) + 2 * beta3_error * (abs(old) + g.size),
        "exp_avg_sq": moving_average_of_squares(p, beta2, before["exp_avg_sq"], g),
    }
    fast_size, eps = adam_coefficients(p, lr, beta1, beta2, options["eps"], step, eps_hat=False)
    weight = slow_weight(options, step)
    second, error2 = bias_correction(beta2, step)
    slow_size = Coefficient(lr, NONE, NONE)
    if error2 < 1:
        relative = (1 + FLOAT64.gamma(6)) / root(1 - error2) - 1
        absolute = p.smallest + FLOAT64.smallest * (1 + weight)
        slow_size = coefficient(p, lr * root(second) * weight, relative, absolute)
    above = sum_of(
        p,
        fast_size.value * fast,
        slow_size.value * slow,
        product(p, fast_size, fast, bounds["exp_avg_fast"]),
        product(p, slow_size, slow, bounds["exp_avg_slow"]),
    )
    below = denominator(p, after["exp_avg_sq"], bounds["exp_avg_sq"], eps, inside=False)
    _, error = quotient(p, above.value, above.error, *below)
    bounds["param"] = descended(p, after["param"], shrunk(p, before["param"], options), error)
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr, c = options["lr"], p.rounds_options
    beta1, beta2, beta3 = (options[f"beta{k}"] for k in (1, 2, 3))
    fast = beta1 * abs(before["exp_avg_fast"]) + (1 - beta1) * g.size
    slow = beta3 * abs(before["exp_avg_slow"]) + (1 - beta3) * g.size
    correction = root(1 - beta2**step)
    terms = fast / (1 - beta1**step) + slow_weight(options, step) * slow
    k = 12 if c else 18 + 1 / (1 - beta1) + 1 / (1 - beta2)
    below = root(after["exp_avg_sq"]) + options["eps"] * correction
    return {
        "exp_avg_fast": 3 * fast,
        "exp_avg_slow": 3 * slow,
        "exp_avg_sq": 4 * after["exp_avg_sq"],
        "param": k * lr * correction * terms / below,
    }


OPTIONS = {
    "beta1": below_one,
    "beta2": below_one,
    "beta3": below_one,
    "alpha": rates,
    "beta3_warmup": rates,
    "alpha_warmup": rates,
    "eps": rates,
}
