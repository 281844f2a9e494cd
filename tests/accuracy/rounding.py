"""The lemmas of docs/accuracy.md: how the errors of one operation or of a few grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.accuracy.coefficients import Coefficient
from tests.accuracy.exact import Real, context, number, root
from tests.accuracy.gradients import Gradient
from tests.accuracy.precision import FLOAT64, NONE, Precision, compound


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
