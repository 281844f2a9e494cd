"""FTRL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.accuracy import exact
from tests.accuracy.coefficients import Coefficient, coefficient, option
from tests.accuracy.exact import Element, number, root
from tests.accuracy.precision import FLOAT64
from tests.accuracy.rounding import product, quotient, rounded_root, shifted, sum_of_squares
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g, lr, l1 = exact.gradient(before, options), options["lr"], options["l1"]
    n = before["accumulator"] + g * g
    sigma = (root(n) - root(before["accumulator"])) / lr
    z = before["linear"] + g - sigma * before["param"]
    param = number(0)
    if abs(z) > l1:
        curvature = (options["beta"] + root(n)) / lr + 2 * options["l2"]
        param = exact.quotient((l1 if z > 0 else -l1) - z, curvature)
    return {"param": param, "accumulator": n, "linear": z}


def bound(taken: Step) -> Element:
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


def bound_in_short(taken: Step) -> Element:
    p, before, _, after, options, _ = taken
    lr, c = options["lr"], p.rounds_options
    old, n, z = before["accumulator"], after["accumulator"], after["linear"]
    pull = abs(before["param"]) / lr
    added = abs(z - before["linear"])
    linear = 3 * pull * (2 * root(n) - root(old)) + added + abs(z)
    curvature = (options["beta"] + root(n)) / lr + 2 * options["l2"]
    update = (linear + c * options["l1"]) / curvature + 6 * abs(after["param"])
    return {"accumulator": 2 * n, "linear": linear, "param": update}


OPTIONS = {"beta": rates, "l1": rates, "l2": rates}
