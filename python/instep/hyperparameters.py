"""What a hyperparameter may be, and which numbers the core gets for it."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    from instep.optimizer import Optimizer

T = TypeVar("T")

Schedule: TypeAlias = Callable[[int], float]
"""A learning rate for each count of completed steps; `instep.schedules` has the usual ones."""


class Hyperparameter(Generic[T]):
    """An attribute of an optimizer that reads and sets a value of all its groups.

    Parameters
    ----------
    fixed : bool
        The value is part of what an optimizer is and does not change once it exists.
    """

    name: str

    def __init__(self, *, fixed: bool = False) -> None:
        self.fixed = fixed

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name
        when = ", fixed when the optimizer is made" if self.fixed else ""
        self.__doc__ = f"Hyperparameter `{name}` of all groups{when}."

    @overload
    def __get__(self, optimizer: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, optimizer: Optimizer, owner: type[object]) -> T: ...
    def __get__(self, optimizer: Optimizer | None, owner: type[object]) -> Self | T:
        if optimizer is None:
            return self
        values: list[T] = [group[self.name] for group in optimizer.param_groups]
        if any(value != values[0] for value in values):
            raise ValueError(
                f"{self.name}: the groups have different values, {values}; "
                f"read param_groups[i][{self.name!r}]"
            )
        return values[0]

    def __set__(self, optimizer: Optimizer, value: T) -> None:
        optimizer._change([{self.name: value}] * len(optimizer.param_groups))

    def check(self, value: object) -> T:
        """Return `value` as it is kept, or raise TypeError or ValueError."""
        raise NotImplementedError

    def numbers(self) -> Mapping[str, Callable[[object], float]]:
        """For each option of the core that this stands for, what checks and converts it."""
        raise NotImplementedError

    def encode(self, value: T) -> Mapping[str, float]:
        """For each option of the core that this stands for, its number."""
        raise NotImplementedError


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


class Number(Hyperparameter[float]):
    """A real number from `low` to `high`: `above` the one, `below` the other, or either itself."""

    def __init__(
        self,
        low: float = -math.inf,
        high: float = math.inf,
        *,
        above: bool = False,
        below: bool = False,
        fixed: bool = False,
    ) -> None:
        super().__init__(fixed=fixed)
        self.low: float = low
        self.high: float = high
        self.above: bool = above
        self.below: bool = below
        self._first = math.nextafter(low, math.inf) if above else low
        self._last = math.nextafter(high, -math.inf) if below else high

    def check(self, value: object) -> float:
        return self.check_as(self.name, value)

    def check_as(self, name: str, value: object) -> float:
        """Check a value that messages call `name`."""
        if type(value) is float and self._first <= value <= self._last:
            return value  # the usual case, without the slow question for a number's class
        number = as_float(value)
        if number is None:
            raise TypeError(f"{name}: expected a number, got {value!r}")
        if not self._first <= number <= self._last:
            raise ValueError(f"{name}: expected {self._expected()}, got {value!r}")
        return number

    def _expected(self) -> str:
        if self.low == -math.inf and self.high == math.inf:
            return "a number that is not NaN"
        if self.high == math.inf:
            finite = "finite " if self.below else ""
            return f"a {finite}number {'above' if self.above else 'of at least'} {self.low:g}"
        first, last = "(" if self.above else "[", ")" if self.below else "]"
        return f"a number in {first}{self.low:g}, {self.high:g}{last}"

    def numbers(self) -> Mapping[str, Callable[[object], float]]:
        return {self.name: self.check}

    def encode(self, value: float) -> Mapping[str, float]:
        return {self.name: value}


_AT_LEAST_0 = Number(0.0)
_FROM_0_BELOW_1 = Number(0.0, 1.0, below=True)


class LearningRate(Hyperparameter["float | Schedule"]):
    """A number of at least 0, or a callable of the count of completed steps."""

    def check(self, value: object) -> float | Schedule:
        return value if callable(value) else self.check_number(value)

    def check_number(self, value: object) -> float:
        """Check a learning rate that is to be a number."""
        return _AT_LEAST_0.check_as("lr", value)

    def numbers(self) -> Mapping[str, Callable[[object], float]]:
        return {self.name: self.check_number}

    def encode(self, value: float | Schedule) -> Mapping[str, float]:
        return {self.name: math.nan if callable(value) else value}


class Betas(Hyperparameter[tuple[float, float]]):
    """Two decay rates in [0, 1): the core's options beta1 and beta2."""

    def check(self, value: object) -> tuple[float, float]:
        if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
            raise TypeError(f"{self.name}: expected a pair of numbers, got {value!r}")
        if len(value) != 2:
            raise ValueError(f"{self.name}: expected 2 numbers, got {len(value)}: {value!r}")
        first, second = (
            _FROM_0_BELOW_1.check_as(f"{self.name}[{index}]", each)
            for index, each in enumerate(value)
        )
        return first, second

    def numbers(self) -> Mapping[str, Callable[[object], float]]:
        return {
            name: lambda value, name=name: _FROM_0_BELOW_1.check_as(name, value)  # type: ignore[misc]
            for name in ("beta1", "beta2")
        }

    def encode(self, value: tuple[float, float]) -> Mapping[str, float]:
        return {"beta1": value[0], "beta2": value[1]}


class Flag(Hyperparameter[bool]):
    """True or False; with `only`, that one."""

    def __init__(self, *, fixed: bool = False, only: bool | None = None) -> None:
        super().__init__(fixed=fixed)
        self.only = only

    def check(self, value: object) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{self.name}: expected True or False, got {value!r}")
        if self.only is not None and value != self.only:
            raise ValueError(f"{self.name}: expected {self.only} in this class, got {value!r}")
        return bool(value)

    def numbers(self) -> Mapping[str, Callable[[object], float]]:
        return {self.name: self.check}

    def encode(self, value: bool) -> Mapping[str, float]:
        return {self.name: float(value)}


def as_integer(value: object) -> int | None:
    """Return `value` as an int where it is an integer of any type; True and False are none."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def hyperparameters(cls: type[Any]) -> dict[str, Hyperparameter[Any]]:
    """Return the hyperparameters of an optimizer class, in the order of their declaration."""
    return {
        name: value
        for base in reversed(cls.__mro__)
        for name, value in vars(base).items()
        if isinstance(value, Hyperparameter)
    }
