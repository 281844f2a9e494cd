"""What rounding makes of options and of what is computed of them once for all elements."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tests.accuracy.exact import Real, number, root
from tests.accuracy.precision import FLOAT64, NONE, Precision, compound


@dataclass(frozen=True)
class Coefficient:
    """An exact coefficient and the errors with which it reaches the arrays."""

    value: Real
    relative: Real
    absolute: Real


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
