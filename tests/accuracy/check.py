"""Steps of the compiled kernels against the exact rules and the bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from instep import functional, reference
from tests.accuracy import exact
from tests.accuracy.exact import Element, Real
from tests.accuracy.gradients import Gradient, conditioned, decayed
from tests.accuracy.precision import precision, stored
from tests.accuracy.rules import RULES
from tests.accuracy.step import Step
from tests.cases import Arguments, Array, Case
from tests.optimizers import DESCRIPTIONS


@dataclass
class Worst:
    """How close the elements of an array came to their bounds."""

    ratio: float = 0.0
    elements: int = 0
    without_bound: int = 0
    seen: str = ""

    def add(self, computed: float, wanted: Real, bound: Real, seen: str) -> None:
        """Take the ratio of one more element's error and its bound."""
        if not exact.context.isfinite(bound):
            self.without_bound += 1
            return
        self.elements += 1
        error = abs(exact.number(computed) - wanted)
        ratio = float(error / bound) if bound else float("inf") if error else 0.0
        if ratio >= self.ratio:
            self.ratio, self.seen = ratio, f"{computed!r}, exactly {float(wanted)!r}: {seen}"

    def __add__(self, other: Worst) -> Worst:
        worse = max(self, other, key=lambda worst: worst.ratio)
        without = self.without_bound + other.without_bound
        return Worst(worse.ratio, self.elements + other.elements, without, worse.seen)


def worst_of(
    case: Case,
    arrays: Arguments,
    step: int = 1,
    conditions: Mapping[str, Any] | None = None,
    *,
    kernel: Any = functional,
) -> dict[str, Worst]:
    """Step arrays of one axis, those elements of them at which nothing overflows."""
    if conditions is None:
        keep = _without_overflow(case, arrays, step)
        arrays = _at(arrays, keep)
    conditions = conditions or {}
    p = precision(arrays["param"].dtype)
    grads = [_numbers(arrays["grad"])]
    known = conditioned(p, grads, exact.condition(grads, **conditions), **conditions)
    computed = {name: array.copy() for name, array in arrays.items()}
    conditional = Case(case.rule, case.states, {**case.options, **conditions})
    with np.errstate(all="ignore"):
        conditional.step(kernel, computed, step)
    return compare(case, arrays, known[0], computed, step)


def compare(
    case: Case, arrays: Arguments, known: list[Gradient], computed: Arguments, step: int
) -> dict[str, Worst]:
    """Compare stepped arrays with the exact step from `arrays`, by the name of the array."""
    p = precision(arrays["param"].dtype)
    rule, options = RULES[case.rule], exact.all_options(case.rule, case.options)
    scalars = DESCRIPTIONS[case.rule].scalars
    worst = {name: Worst() for name in ("param", *case.states, *scalars)}
    for index, (element, incoming) in enumerate(zip(elements(arrays), known, strict=True)):
        before = {**element, "grad": incoming.value}
        after = rule.exact_step(before, options, step)
        gradient = decayed(p, before, incoming, options)
        taken = Step(p, before, gradient, after, options, step)
        limits = rule.bound(taken)
        seen = f"{case}, step {step}, {arrays['param'].dtype}, " + ", ".join(
            f"{name} {float(value)!r}" for name, value in before.items()
        )
        for name in worst:
            if index and name in scalars:
                continue
            wanted = after[name]
            rounding = case.options.get("param_rounding" if name == "param" else "state_rounding")
            limit = stored(
                arrays[name].dtype, wanted, limits[name], stochastic=rounding == "stochastic"
            )
            worst[name].add(float(computed[name].flat[index]), wanted, limit, f"{name}, {seen}")
    return worst


def elements(arrays: Arguments) -> list[Element]:
    """Return the exact numbers of each element, and with each the scalars."""
    size = arrays["param"].size
    numbers = {name: _numbers(np.broadcast_to(array, size)) for name, array in arrays.items()}
    return [dict(zip(numbers, each, strict=True)) for each in zip(*numbers.values(), strict=True)]


def assert_within_bounds(worst: Mapping[str, Worst]) -> None:
    for array in worst.values():
        assert array.ratio <= 1, f"{array.ratio:.3g} times the bound: {array.seen}"


def _numbers(array: Array) -> list[Real]:
    return [exact.number(value) for value in array.astype(np.float64).tolist()]


def _at(arrays: Arguments, where: Any) -> Arguments:
    """Return some elements of the arrays, and the scalars."""
    return {name: array[where] if array.ndim else array for name, array in arrays.items()}


def _without_overflow(case: Case, arrays: Arguments, step: int) -> Array:
    """Return at which finite elements no operation of the reference overflows or divides by 0."""

    def passes(some: Arguments) -> bool:
        if not all(np.isfinite(array).all() for array in some.values()):
            return False
        some = {name: array.copy() for name, array in some.items()}
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                case.step(reference, some, step)
        except FloatingPointError:
            return False
        return True

    size = arrays["param"].size
    if passes(arrays):
        return np.ones(size, bool)
    each = (_at(arrays, slice(i, i + 1)) for i in range(size))
    return np.fromiter((passes(element) for element in each), bool, size)
