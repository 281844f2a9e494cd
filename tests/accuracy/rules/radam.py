"""RAdam."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import Any

from tests.accuracy import exact
from tests.accuracy.coefficients import Coefficient, bias_correction, coefficient, option
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
)
from tests.accuracy.step import Step
from tests.accuracy.strategies import moments


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    beta1, beta2 = options["beta1"], options["beta2"]
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    v = beta2 * before["exp_avg_sq"] + (1 - beta2) * g * g
    direction = m / (1 - beta1**step)
    longest, length = lengths(beta2, step)
    if length > 5:
        direction = exact.quotient(direction, root(v) + options["eps"]) * root(1 - beta2**step)
        direction *= root((length - 4) * (length - 2) * longest)
        direction /= root((longest - 4) * (longest - 2) * length)
    param = exact.shrunk(before, options) - options["lr"] * direction
    return {"param": param, "exp_avg": m, "exp_avg_sq": v}


def lengths(beta2: Real, step: int) -> tuple[Real, Real]:
    """Return of how many squares RAdam's second moment is a mean, in the end and at a step."""
    longest = 2 / (1 - beta2) - 1
    return longest, longest - 2 * step * beta2**step / (1 - beta2**step)


@functools.cache
def radam_step_size(
    p: Precision, lr: Real, beta1: Real, beta2: Real, step: int
) -> tuple[Coefficient, bool]:
    """Return the step size, and whether it is that of a rectified step."""
    first, error1 = bias_correction(beta1, step)
    second, error2 = bias_correction(beta2, step)
    doubles = FLOAT64
    longest, length = lengths(beta2, step)
    rectified = length > 5
    unbounded = Coefficient(lr, NONE, NONE), rectified
    if max(error1, error2) >= 1:
        return unbounded
    longest_error = doubles.gamma(3) * (longest + 1)
    inexact = (1 + doubles.gamma(3)) * (1 + doubles.unit) ** (step - 1) / (1 - error2) - 1
    length_error = (1 + doubles.unit) * (longest_error + inexact * (longest - length))
    length_error += doubles.unit * length + step * number(2) ** -1060 / second
    if abs(length - 5) <= length_error:
        return unbounded
    value, relative = lr / first, (1 + doubles.unit) / (1 - error1) - 1
    if rectified:
        above, below = (
            [(x - 4, e), (x - 2, e), (y, f)]
            for (x, e), (y, f) in itertools.permutations(
                [(length, length_error), (longest, longest_error)]
            )
        )
        if any(error >= (1 - doubles.unit) * x for x, error in (*above, *below)):
            return unbounded
        square = 1 + doubles.gamma(6)
        square *= context.fprod(1 + compound(e / x, doubles.unit) for x, e in above)
        square /= context.fprod(1 - compound(e / x, doubles.unit) for x, e in below)
        ratio = context.fprod(x for x, _ in above) / context.fprod(x for x, _ in below)
        value *= root(second) * root(ratio)
        relative = (1 + doubles.gamma(5)) * root(square / (1 - error2)) / (1 - error1) - 1
    absolute = p.smallest + 2 * doubles.smallest / (first * (1 - error1))
    return coefficient(p, value, relative, absolute), rectified


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    beta1, beta2 = options["beta1"], options["beta2"]
    bounds = {
        "exp_avg": moving_average(p, beta1, before["exp_avg"], g),
        "exp_avg_sq": moving_average_of_squares(p, beta2, before["exp_avg_sq"], g),
    }
    step_size, rectified = radam_step_size(p, options["lr"], beta1, beta2, step)
    direction, error = after["exp_avg"], bounds["exp_avg"]
    if rectified:
        eps = option(p, options["eps"])
        below = denominator(p, after["exp_avg_sq"], bounds["exp_avg_sq"], eps, inside=False)
        direction, error = quotient(p, direction, error, *below)
    update = product(p, step_size, direction, error)
    bounds["param"] = descended(p, after["param"], shrunk(p, before["param"], options), update)
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr = options["lr"]
    beta1, beta2 = options["beta1"], options["beta2"]
    terms = beta1 * abs(before["exp_avg"]) + (1 - beta1) * g.size
    squares = 4 * after["exp_avg_sq"]
    step_size, rectified = radam_step_size(p, lr, beta1, beta2, step)
    e = step_size.relative / p.unit
    update = (4 + e) * step_size.value * terms
    if rectified:
        update = (9 + e) * step_size.value * terms / (root(after["exp_avg_sq"]) + options["eps"])
    return {"exp_avg": 3 * terms, "exp_avg_sq": squares, "param": update}


OPTIONS = moments
