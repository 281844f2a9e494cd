"""How dtypes round, and what errors add up to: `gamma` and `compound` of docs/accuracy.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.accuracy.exact import Real, context, number

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


def compound(*errors: Real) -> Real:
    """Return the relative error that relative errors add up to."""
    return context.fprod(1 + error for error in errors) - 1
