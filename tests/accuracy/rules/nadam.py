"""NAdam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.accuracy import exact
from tests.accuracy.coefficients import Coefficient, bias_correction, coefficient, corrected_eps
from tests.accuracy.exact import Element, Real, context, number, root
from tests.accuracy.precision import FLOAT64, NONE, Precision, compound
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
from tests.accuracy.strategies import moments, rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    beta1, beta2 = options["beta1"], options["beta2"]
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    v = beta2 * before["exp_avg_sq"] + (1 - beta2) * g * g
    mu, next_mu = (momentum(options, t) for t in (step, step + 1))
    so_far = before["mu_product"] * mu
    ahead = next_mu * m / (1 - so_far * next_mu) + (1 - mu) * g / (1 - so_far)
    update = exact.quotient(ahead, root(v / (1 - beta2**step)) + options["eps"])
    param = exact.shrunk(before, options) - options["lr"] * update
    return {"param": param, "exp_avg": m, "exp_avg_sq": v, "mu_product": so_far}


def momentum(options: Mapping[str, Any], step: int) -> Real:
    """Return NAdam's momentum of a step."""
    return options["beta1"] * (1 - number(0.96) ** (step * options["momentum_decay"]) / 2)


def momentum_error(options: Mapping[str, Any], step: int) -> Real:
    """Return the relative error of NAdam's momentum, which has a smallest subnormal more."""
    u = FLOAT64.unit
    exponent = step * options["momentum_decay"] * -context.log(number(0.96))
    power = context.exp(-exponent)
    error = power * ((1 + 2 * u) * context.exp(FLOAT64.gamma(3) * exponent) - 1)
    return compound((error + 2 * FLOAT64.smallest) / (2 - power), FLOAT64.gamma(2))


class NAdamCoefficients(NamedTuple):
    """Factors of the gradient and the moment, eps, and the error of the product of momenta."""

    of_grad: Coefficient
    of_moment: Coefficient
    eps: Coefficient
    product_error: Real


def nadam_coefficients(
    p: Precision, options: Mapping[str, Any], so_far: Real, step: int
) -> NAdamCoefficients:
    """Return those of a step after which the product of momenta is `so_far`."""
    u, smallest = FLOAT64.unit, FLOAT64.smallest
    lr, beta2 = options["lr"], options["beta2"]
    now, ahead = (momentum(options, t) for t in (step, step + 1))
    now_error, ahead_error = (momentum_error(options, t) for t in (step, step + 1))
    next_product = so_far * ahead
    product_relative = compound(now_error, u)
    product_error = product_relative * so_far + 2 * smallest
    next_error = compound(product_relative, ahead_error, u) * next_product + 4 * smallest

    def to_one(value: Real, error: Real) -> Real:
        """Return the relative error of 1 - value."""
        return compound(u, error / (1 - value))

    of_now = to_one(now, now_error * now + smallest)
    of_product = to_one(so_far, product_error)
    of_next = to_one(next_product, next_error)
    correction, of_correction = bias_correction(beta2, step)
    if max(of_now, of_product, of_next, of_correction) >= 1:
        none = Coefficient(lr, NONE, NONE)
        return NAdamCoefficients(none, none, none, product_error)

    def factor(above: Real, relative: Real, below: Real, below_relative: Real) -> Coefficient:
        certain = 1 - below_relative
        relative = (1 + FLOAT64.gamma(4)) * (1 + relative) / (root(1 - of_correction) * certain) - 1
        absolute = p.smallest + 2 * (1 + lr) * smallest / (below * certain)
        return coefficient(p, lr * root(correction) * above / below, relative, absolute)

    return NAdamCoefficients(
        factor(1 - now, of_now, 1 - so_far, of_product),
        factor(ahead, ahead_error, 1 - next_product, of_next),
        corrected_eps(p, options["eps"], beta2, step),
        product_error,
    )


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    moment, x = after["exp_avg"], after["exp_avg_sq"]
    moment_error = moving_average(p, options["beta1"], before["exp_avg"], g)
    error = moving_average_of_squares(p, options["beta2"], before["exp_avg_sq"], g)
    bounds = {"exp_avg": moment_error, "exp_avg_sq": error}
    of_grad, of_moment, eps, product_error = nadam_coefficients(
        p, options, after["mu_product"], step
    )
    bounds["mu_product"] = product_error
    ahead = sum_of(
        p,
        of_grad.value * g.value,
        of_moment.value * moment,
        product(p, of_grad, g.size, g.error),
        product(p, of_moment, moment, moment_error),
    )
    below = denominator(p, x, error, eps, inside=False)
    _, update = quotient(p, ahead.value, ahead.error, *below)
    bounds["param"] = descended(p, after["param"], shrunk(p, before["param"], options), update)
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    c, doubles = p.rounds_options, FLOAT64.unit / p.unit
    beta1, beta2 = options["beta1"], options["beta2"]
    terms = beta1 * abs(before["exp_avg"]) + (1 - beta1) * g.size
    of_grad, of_moment, eps, _ = nadam_coefficients(p, options, after["mu_product"], step)
    k = 0 if c else 1 / (2 * (1 - beta2))
    update = (7 + k + of_grad.relative / p.unit) * of_grad.value * g.size
    update += (10 + k + of_moment.relative / p.unit) * of_moment.value * terms
    return {
        "exp_avg": 3 * terms,
        "exp_avg_sq": 4 * after["exp_avg_sq"],
        "param": update / (root(after["exp_avg_sq"]) + eps.value),
        "mu_product": 5 * after["mu_product"] * doubles,
    }


OPTIONS = {**moments, "momentum_decay": rates}
