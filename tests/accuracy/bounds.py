"""Bounds on the rounding error of one step: docs/accuracy.md as code, one function for each rule.

Every function returns, by the name of the array or scalar, how far an element may be from the exact
result.
The names are those of the document: `gamma`, `compound`, the *lemmas* root, denominator and
quotient; a `Gradient` is what is known of the gradient that a rule meets.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tests.accuracy.exact import (
    Element,
    Real,
    begun,
    context,
    gradient,
    lengths,
    momentum,
    number,
    root,
    slow_rate,
    slow_weight,
)

NONE = context.inf
"""The bound where the document states none: a denominator may be all error."""


@dataclass(frozen=True)
class Precision:
    """A dtype's unit roundoff and smallest subnormal, and whether it rounds an option (0 or 1)."""

    unit: Real
    smallest: Real
    rounds_options: int

    def gamma(self, n: Real) -> Real:
        """Return the relative error that `n` roundings may add up to."""
        return n * self.unit / (1 - n * self.unit)


FLOAT32 = Precision(number(2) ** -24, number(2) ** -149, 1)
FLOAT64 = Precision(number(2) ** -53, number(2) ** -1074, 0)


HALVES = {
    "float16": (number(2) ** -11, number(2) ** -24, number(65504)),
    "bfloat16": (number(2) ** -8, number(2) ** -133, (2 - number(2) ** -7) * number(2) ** 127),
}
"""Of types in which arrays are stored: unit roundoff, smallest subnormal and largest number."""


def precision(dtype: np.dtype[Any]) -> Precision:
    """Return that of the working type of a parameter."""
    return FLOAT64 if dtype == np.float64 else FLOAT32


def stored(dtype: np.dtype[Any], value: Real, error: Real, *, stochastic: bool) -> Real:
    """Return the bound for a number with this error once it is stored."""
    if dtype.name not in HALVES:
        return error
    unit, smallest, largest = HALVES[dtype.name]
    if abs(value) + error > largest:
        return NONE
    to_nearest = unit * (abs(value) + error) + smallest / 2
    return error + (2 * to_nearest if stochastic else to_nearest)


@dataclass(frozen=True)
class Coefficient:
    """An exact coefficient and the errors with which it reaches the arrays."""

    value: Real
    relative: Real
    absolute: Real


@dataclass(frozen=True)
class Gradient:
    """An exact gradient; the computed one is within ``relative * size + absolute`` of it."""

    value: Real
    size: Real
    relative: Real = 0
    absolute: Real = 0

    @property
    def error(self) -> Real:
        return self.relative * self.size + self.absolute


class Step(NamedTuple):
    """A step of one element: the exact values before and after it, and the gradient it meets."""

    precision: Precision
    before: Element
    gradient: Gradient
    after: Element
    options: Mapping[str, Any]
    number: int


def compound(*errors: Real) -> Real:
    """Return the relative error that relative errors add up to."""
    return context.fprod(1 + error for error in errors) - 1


# The coefficients


def option(p: Precision, value: Real) -> Coefficient:
    """Return an option, which the dtype rounds if it is float32."""
    return coefficient(p, value, number(0))


def coefficient(p: Precision, value: Real, relative: Real, absolute: Real = 0) -> Coefficient:
    """Return a coefficient whose double has these errors, and which the dtype then rounds."""
    if not value:
        return Coefficient(value, number(0), number(0))
    rounding = p.rounds_options * p.unit
    return Coefficient(
        value, compound(relative, rounding), absolute + p.rounds_options * p.smallest
    )


@functools.cache
def bias_correction(beta: Real, step: int) -> tuple[Real, Real]:
    """Return 1 - beta ** step, and the relative error of its double."""
    u = FLOAT64.unit
    power = beta**step
    error = power * ((1 + u) ** (step - 1) - 1) if step > 1 else number(0)
    underflow = number(2) ** -1060 if step > 1 else 0
    return 1 - power, compound(u, (error + underflow) / (1 - power))


@functools.cache
def adam_coefficients(
    p: Precision, lr: Real, beta1: Real, beta2: Real, eps: Real, step: int, eps_hat: bool
) -> tuple[Coefficient, Coefficient]:
    first, error1 = bias_correction(beta1, step)
    second, error2 = bias_correction(beta2, step)
    if max(error1, error2) >= 1:
        return Coefficient(lr, NONE, NONE), Coefficient(eps, NONE, NONE)
    doubles = FLOAT64
    step_size = coefficient(
        p,
        lr * root(second) / first,
        (1 + doubles.gamma(3)) / (root(1 - error2) * (1 - error1)) - 1,
        p.smallest + doubles.smallest / (first * (1 - error1)),
    )
    return step_size, option(p, eps) if eps_hat else corrected_eps(p, eps, beta2, step)


def corrected_eps(p: Precision, eps: Real, beta2: Real, step: int) -> Coefficient:
    """Return eps * sqrt(1 - beta2 ** step), for a correction that is not all error."""
    correction, error = bias_correction(beta2, step)
    relative = (1 + FLOAT64.gamma(2)) / root(1 - error) - 1
    return coefficient(p, eps * root(correction), relative, p.smallest)


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
        quotient = context.fprod(x for x, _ in above) / context.fprod(x for x, _ in below)
        value *= root(second) * root(quotient)
        relative = (1 + doubles.gamma(5)) * root(square / (1 - error2)) / (1 - error1) - 1
    absolute = p.smallest + 2 * doubles.smallest / (first * (1 - error1))
    return coefficient(p, value, relative, absolute), rectified


def rounded_option(p: Precision, value: Real) -> Real:
    """Bound the error of an option."""
    return p.rounds_options * (p.unit * value + p.smallest) if value else number(0)


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


# The gradient


def conditioned(
    p: Precision,
    grads: Sequence[Sequence[Real]],
    conditioned_grads: Sequence[Sequence[Real]],
    *,
    grad_scale: float = 1.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
) -> list[list[Gradient]]:
    """Return what is known of unscaled and clipped gradients."""
    zero, doubles = number(0), FLOAT64
    scaled = grad_scale != 1.0
    rounding = p.rounds_options * p.unit
    element = p.gamma(2) if scaled else zero
    if clip_value is not None:
        element = max(element, rounding)
    factor = zero
    if clip_norm is not None:
        roundings = additions([len(grad) for grad in grads]) + 1
        factor = compound(element / (1 - element), doubles.gamma(number(roundings) / 2 + 4))
    if clip_value is not None:
        clipped = clip_norm is not None
        relative = compound(element, factor, rounding, p.gamma(1)) if clipped else element
    elif scaled or clip_norm is not None:
        unscaling = doubles.gamma(2) if scaled else zero
        relative = compound(factor, unscaling, rounding, p.gamma(1))
    else:
        relative = zero
    return [
        [
            Gradient(
                after,
                abs(after),
                relative,
                p.smallest * (2 + abs(before) + abs(before) / number(grad_scale)),
            )
            for before, after in zip(grad, conditioned_grad, strict=True)
        ]
        for grad, conditioned_grad in zip(grads, conditioned_grads, strict=True)
    ]


def additions(sizes: Sequence[int]) -> int:
    """Return how many additions that round stand between a square and the sum of all squares."""
    deepest = 0
    for size in sizes:
        if size:
            lanes = min(-(-size // 16), 256) - 1
            blocks = math.ceil(math.log2(-(-size // 4096)))
            deepest = max(deepest, lanes + 4 + blocks)
    return deepest + math.ceil(math.log2(len(sizes)))


def decayed(
    p: Precision, before: Element, incoming: Gradient, options: Mapping[str, Any]
) -> Gradient:
    """Return what is known of the gradient with its sign and the decay that is part of it."""
    value = gradient({**before, "grad": incoming.value}, options)
    decay = options.get("weight_decay")
    if not decay or options.get("decoupled_weight_decay"):
        return Gradient(value, incoming.size, incoming.relative, incoming.absolute)
    c, param = p.rounds_options, abs(before["param"])
    return Gradient(
        value,
        incoming.size + decay * param,
        compound(p.gamma(2 + c), incoming.relative),
        2 * incoming.absolute + p.smallest * (1 + c * param),
    )


# The lemmas


def moving_average(p: Precision, beta: Real, old: Real, g: Gradient) -> Real:
    """Bound the error of ``beta * old + (1 - beta) * g``."""
    terms = beta * abs(old) + abs(1 - beta) * g.size
    underflow = p.smallest * (2 + p.rounds_options * abs(old)) + 2 * abs(1 - beta) * g.absolute
    return compound(p.gamma(3), g.relative) * terms + underflow


def moving_average_of_squares(p: Precision, beta: Real, old: Real, g: Gradient) -> Real:
    """Bound the error of ``beta * old + (1 - beta) * (g * g)``."""
    terms = beta * old + abs(1 - beta) * g.size**2
    underflow = p.smallest * (3 + p.rounds_options * old) + abs(1 - beta) * square_underflow(g)
    return compound(p.gamma(4), g.relative, g.relative) * terms + underflow


def sum_of_squares(p: Precision, old: Real, g: Gradient) -> Real:
    """Bound the error of ``old + g * g``."""
    terms = old + g.size**2
    error = compound(p.gamma(2), g.relative, g.relative) * terms
    return error + p.smallest + square_underflow(g)


def square_underflow(g: Gradient) -> Real:
    return 4 * g.size * g.absolute + 2 * g.absolute**2


def sum_of(p: Precision, x: Real, y: Real, *errors: Real) -> Gradient:
    """Return what is known of a sum of two terms with these errors."""
    return Gradient(x + y, abs(x + y), p.unit, (1 + p.unit) * sum(errors, number(0)))


def root_change(x: Real, error: Real) -> Real:
    """Return the largest change of a root when its radicand, never negative, changes by `error`."""
    up = root(x + error) - root(x)
    return max(up, root(x) - root(x - error)) if error < x else max(up, root(x))


def rounded_root(p: Precision, x: Real, error: Real) -> Real:
    """Bound the error of the computed root of a radicand with an error."""
    return (1 + p.unit) * root_change(x, error) + p.unit * root(x)


def shifted(p: Precision, x: Real, error: Real, eps: Coefficient) -> Real:
    """Bound the error of ``x + eps`` for an `x` with an error."""
    eps_error = eps.relative * eps.value + eps.absolute
    return (1 + p.unit) * (error + eps_error) + p.unit * (x + eps.value)


def denominator(
    p: Precision, x: Real, error: Real, eps: Coefficient, *, inside: bool
) -> tuple[Real, Real]:
    """Return ``sqrt(x) + eps`` or ``sqrt(x + eps)``, and the bound on its error."""
    if not context.isfinite(eps.relative):
        return root(x) + eps.value, NONE
    if inside:
        return root(x + eps.value), rounded_root(p, x + eps.value, shifted(p, x, error, eps))
    if not eps.value:
        return root(x), rounded_root(p, x, error)
    return root(x) + eps.value, shifted(p, root(x), rounded_root(p, x, error), eps)


def quotient(
    p: Precision, numerator: Real, error: Real, below: Real, below_error: Real
) -> tuple[Real, Real]:
    """Return a quotient, and the bound on its error."""
    if below_error >= below:
        return number(0), NONE
    exact = numerator / below
    inexact = (error + abs(exact) * below_error) / (below - below_error)
    return exact, (1 + p.unit) * inexact + p.unit * abs(exact) + p.smallest


def product(p: Precision, factor: Coefficient, x: Real, error: Real) -> Real:
    """Bound the error of ``factor * x`` for an `x` with an error."""
    if not factor.value:
        return number(0)
    if not (context.isfinite(error) and context.isfinite(factor.relative)):
        return NONE
    relative = compound(p.gamma(1), factor.relative)
    return (
        factor.value * (relative * (abs(x) + error) + error)
        + 2 * factor.absolute * (abs(x) + error)
        + p.smallest
    )


def maximum(x: Real, error: Real, y: Real, y_error: Real) -> tuple[Real, Real]:
    """Return the larger of two numbers, and the bound on its error."""
    if x - error >= y + y_error:
        return x, error
    if x + error <= y - y_error:
        return y, y_error
    return max(x, y), max(error, y_error)


def descended(p: Precision, param: Real, *errors: Real) -> Real:
    """Bound the error of the new parameter, a difference of terms with these errors."""
    return p.unit * abs(param) + (1 + p.unit) * sum(errors)


def shrunk(p: Precision, param: Real, options: Mapping[str, Any]) -> Real:
    """Bound the error of ``(1 - lr * weight_decay) * param`` where the decay is decoupled."""
    if not options["decoupled_weight_decay"]:
        return number(0)
    return shrunk_by(p, param, options["lr"] * options["weight_decay"])


def shrunk_by(p: Precision, param: Real, decay: Real) -> Real:
    """Bound the error of ``(1 - decay) * param`` where the decay is a product of two doubles."""
    if not decay:
        return number(0)
    size = abs(param)
    error = p.gamma(2) * abs(1 - decay) * size
    return error + 4 * FLOAT64.unit * decay * size + p.smallest * (1 + size)


# The rules


def sgd(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr = option(p, options["lr"])
    if "momentum_buffer" not in before:
        return {"param": descended(p, after["param"], product(p, lr, g.size, g.error))}
    c, momentum = p.rounds_options, options["momentum"]
    terms, error = g.size, g.error
    if step > 1:
        old = abs(before["momentum_buffer"])
        terms = momentum * old + (1 - options["dampening"]) * g.size
        error = compound(p.gamma(3), g.relative) * terms
        error += p.smallest * (2 + c * old) + 2 * g.absolute
    bounds = {"momentum_buffer": error}
    if options["nesterov"]:
        ahead = product(p, option(p, momentum), terms, error)
        terms = g.size + momentum * terms
        error = (1 + p.unit) * (g.error + ahead) + p.unit * terms
    bounds["param"] = descended(p, after["param"], product(p, lr, terms, error))
    return bounds


def adam(taken: Step) -> Element:
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


def adamax(taken: Step) -> Element:
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


def radam(taken: Step) -> Element:
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


def nadam(taken: Step) -> Element:
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


def rmsprop(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    alpha = options["alpha"]
    x = after["square_avg"]
    error = moving_average_of_squares(p, alpha, before["square_avg"], g)
    bounds = {"square_avg": error}
    if "grad_avg" in before:
        mean = abs(after["grad_avg"])
        mean_error = moving_average(p, alpha, before["grad_avg"], g)
        bounds["grad_avg"] = mean_error
        square_error = (1 + p.unit) * mean_error * (2 * mean + mean_error)
        square_error += p.unit * mean**2 + p.smallest
        difference = x - mean**2
        error = (1 + p.unit) * (error + square_error) + p.unit * abs(difference)
        x = max(difference, number(0))
    inside = options["eps_inside_sqrt"]
    below = denominator(p, x, error, option(p, options["eps"]), inside=inside)
    direction, error = quotient(p, g.value, g.error, *below)
    if "momentum_buffer" in before:
        old = before["momentum_buffer"]
        error += product(p, option(p, options["momentum"]), old, number(0))
        direction = after["momentum_buffer"]
        if context.isfinite(error):
            error = (1 + p.unit) * error + p.unit * abs(direction)
        bounds["momentum_buffer"] = error
    update = product(p, option(p, options["lr"]), direction, error)
    bounds["param"] = descended(p, after["param"], update)
    return bounds


def adagrad(taken: Step) -> Element:
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


def rowwise_adagrad(taken: Step) -> Element:
    """Of a row of one element: the mean is its square, rounded once."""
    p, before, g, after, options, _ = taken
    error = compound(p.gamma(2), g.relative, g.relative) * (before["state_sum"] + g.size**2)
    error += p.smallest + square_underflow(g)
    below = denominator(p, after["state_sum"], error, option(p, options["eps"]), inside=False)
    lr = option(p, options["lr"])
    rate, rate_error = quotient(p, lr.value, lr.relative * lr.value + lr.absolute, *below)
    update = (1 + p.unit) * ((rate + rate_error) * g.error + rate_error * abs(g.value))
    update += p.unit * rate * abs(g.value) + p.smallest
    decayed = shrunk(p, before["param"], options)
    return {"state_sum": error, "param": descended(p, after["param"], decayed, update)}


def adadelta(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    rho, eps = options["rho"], option(p, options["eps"])
    error = moving_average_of_squares(p, rho, before["square_avg"], g)
    bounds = {"square_avg": error}
    above, above_error = denominator(p, before["acc_delta"], number(0), eps, inside=True)
    below = denominator(p, after["square_avg"], error, eps, inside=True)
    ratio, ratio_error = quotient(p, above, above_error, *below)
    if not context.isfinite(ratio_error):
        return {**bounds, "acc_delta": NONE, "param": NONE}
    delta = ratio * g.size
    error = (1 + p.unit) * (ratio_error * (g.size + g.error) + ratio * g.error)
    error += p.unit * delta + p.smallest
    terms = rho * before["acc_delta"] + (1 - rho) * delta**2
    bounds["acc_delta"] = (
        p.gamma(4) * terms
        + (1 + p.gamma(4)) * (1 - rho) * error * (2 * delta + error)
        + p.smallest * (3 + p.rounds_options * before["acc_delta"])
    )
    update = product(p, option(p, options["lr"]), delta, error)
    bounds["param"] = descended(p, after["param"], update)
    return bounds


def adabelief(taken: Step) -> Element:
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


def asgd(taken: Step) -> Element:
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


def ftrl(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    lr, old, n, z = options["lr"], before["accumulator"], after["accumulator"], after["linear"]
    inverse_lr = coefficient(p, 1 / lr, FLOAT64.unit, p.smallest)
    squares = sum_of_squares(p, old, g)
    size = rounded_root(p, n, squares)

    growth = root(n) - root(old)
    error = (1 + p.unit) * (size + rounded_root(p, old, number(0))) + p.unit * growth
    error = product(p, inverse_lr, growth, error)
    param = Coefficient(abs(before["param"]), number(0), number(0))
    error = product(p, param, growth / lr, error)
    change = z - before["linear"]
    error = (1 + p.unit) * (g.error + error) + p.unit * abs(change)
    linear = (1 + p.unit) * error + p.unit * abs(z)

    # The minimum is continuous in z and l1, so that it does not matter on which side it is found.
    l1 = option(p, options["l1"])
    above = max(abs(z) - l1.value, number(0))
    above_error = (1 + p.unit) * (linear + l1.relative * l1.value + l1.absolute) + p.unit * above
    regularization = options["beta"] / lr + 2 * options["l2"]
    added = coefficient(p, regularization, FLOAT64.gamma(2), p.smallest)
    scaled = product(p, inverse_lr, root(n), size)
    curvature_error = shifted(p, root(n) / lr, scaled, added)
    curvature = root(n) / lr + regularization
    _, error = quotient(p, above, above_error, curvature, curvature_error)
    return {"accumulator": squares, "linear": linear, "param": error}


def adan(taken: Step) -> Element:
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


def rprop(taken: Step) -> Element:
    p, before, g, after, options, _ = taken
    change = (abs(g.value) - g.error) * abs(before["prev"])
    if (g.error and g.error >= abs(g.value)) or 0 < change <= p.smallest:
        return dict.fromkeys(after, NONE)  # a sign that rounding decides
    size, error = begun(before, options), number(0)
    if before["step_size"] < 0:
        error = rounded_option(p, size)
    for name, sign in (("etaplus", 1), ("etaminus", -1)):
        if sign * g.value * before["prev"] > 0:
            error = product(p, option(p, options[name]), size, error)
            size *= options[name]
    low, high = options["step_size_min"], options["step_size_max"]
    size, error = maximum(size, error, low, rounded_option(p, low))
    size, error = maximum(-size, error, -high, rounded_option(p, high))
    bounds = {"prev": g.error if after["prev"] else number(0), "step_size": error}
    bounds["param"] = descended(p, after["param"], error if after["prev"] else number(0))
    return bounds


def lion(taken: Step) -> Element:
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


def ademamix(taken: Step) -> Element:
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
