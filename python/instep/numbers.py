"""Numbers that a user passes: read, and refused where they are out of range."""

from __future__ import annotations

import math
import numbers
import operator

import numpy as np


class Range:
    """Real numbers from `low` to `high`: `above` the one, `below` the other, or either itself."""

    # No dataclass: to make one takes a millisecond of `import instep`.
    def __init__(
        self,
        low: float = -math.inf,
        high: float = math.inf,
        *,
        above: bool = False,
        below: bool = False,
    ) -> None:
        self.low = low
        self.high = high
        self.above = above
        self.below = below

    def __contains__(self, number: float) -> bool:
        return (self.low < number if self.above else self.low <= number) and (
            number < self.high if self.below else number <= self.high
        )

    def __str__(self) -> str:
        if self.low == -math.inf and self.high == math.inf:
            return "a number that is not NaN"
        if self.low == -math.inf:
            return f"a number of at most {self.high:g}"
        if self.high == math.inf:
            finite = "finite " if self.below else ""
            return f"a {finite}number {'above' if self.above else 'of at least'} {self.low:g}"
        first, last = "(" if self.above else "[", ")" if self.below else "]"
        return f"a number in {first}{self.low:g}, {self.high:g}{last}"

    @property
    def interval(self) -> tuple[float, float]:
        """The first and the last float that it contains."""
        return (
            math.nextafter(self.low, math.inf) if self.above else self.low,
            math.nextafter(self.high, -math.inf) if self.below else self.high,
        )

    def check(self, name: str, value: object) -> float:
        """Return a value, which messages call `name`, or raise TypeError or ValueError."""
        if type(value) is float and value in self:
            return value  # the usual case, without the slow question for a number's class
        number = as_float(value)
        if number is None:
            raise TypeError(f"{name}: expected a number, got {value!r}")
        if number not in self:
            raise ValueError(f"{name}: expected {self}, got {value!r}")
        return number


NOT_NAN = Range()
AT_LEAST_0 = Range(0.0)
ABOVE_0 = Range(0.0, above=True)
FINITE_AT_LEAST_0 = Range(0.0, below=True)
FINITE_ABOVE_0 = Range(0.0, above=True, below=True)
FINITE_AT_LEAST_1 = Range(1.0, below=True)
AT_MOST_0 = Range(-math.inf, 0.0)
AT_LEAST_1 = Range(1.0)
ABOVE_1 = Range(1.0, above=True)
FROM_0_TO_1 = Range(0.0, 1.0)
FROM_0_BELOW_1 = Range(0.0, 1.0, below=True)
ABOVE_0_TO_1 = Range(0.0, 1.0, above=True)
BETWEEN_0_AND_1 = Range(0.0, 1.0, above=True, below=True)

COUNT_END = 2**63
"""The core counts in 64 bits."""


def as_float(value: object) -> float | None:
    """Return a real number, which may be an array of dimension 0, or None for anything else."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()  # a scalar of NumPy, or what other libraries' schedules return
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.nan


def as_integer(value: object) -> int | None:
    """Return an integer of any type, but for True and False, or None for anything else."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def check_integer(name: str, value: object, *, at_least: int, below: float = math.inf) -> int:
    """Return an argument as an int, or raise TypeError or ValueError."""
    number = value if type(value) is int else as_integer(value)
    if number is None:
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if number < at_least:
        raise ValueError(f"{name}: expected an integer of at least {at_least}, got {value!r}")
    if number >= below:
        raise ValueError(f"{name}: expected an integer below {below}, got {value!r}")
    return number


def check_count(name: str, value: object) -> int:
    """Return a count that was saved, or raise TypeError or ValueError.

    It may be a whole floating-point number of dimension 0, as torch saves it.
    """
    if as_integer(value) is None:
        number = as_float(value)
        if number is not None and number.is_integer():
            value = int(number)
    return check_integer(name, value, at_least=0, below=COUNT_END)
