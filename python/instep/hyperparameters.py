"""What a hyperparameter may be, and which numbers the core gets for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeAlias, TypeVar, overload

import numpy as np

from instep.numbers import AT_LEAST_0, FINITE_AT_LEAST_0, FROM_0_BELOW_1, NOT_NAN, Range

T = TypeVar("T")

Schedule: TypeAlias = Callable[[int], float]
"""A learning rate for each count of completed steps; `instep.schedules` has the usual ones."""


class OptionCheck(NamedTuple):
    """What an option of the core may be."""

    convert: Callable[[object], float]
    """Returns a value as the core takes it, or raises TypeError or ValueError."""
    interval: tuple[float, float] | None = None
    """The first and the last float of those that need no conversion; None of a flag."""


class HasGroups(Protocol):
    """What has hyperparameters: an optimizer."""

    @property
    def param_groups(self) -> Sequence[Mapping[str, Any]]:
        """For each group its hyperparameters."""

    def _change(self, changes: Sequence[Mapping[str, object]]) -> None:
        """Set hyperparameters of each group, all of them or, when one is refused, none."""


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
    def __get__(self, optimizer: HasGroups, owner: type[object]) -> T: ...
    def __get__(self, optimizer: HasGroups | None, owner: type[object]) -> Self | T:
        if optimizer is None:
            return self
        values: list[T] = [group[self.name] for group in optimizer.param_groups]
        if any(value != values[0] for value in values):
            raise ValueError(
                f"{self.name}: the groups have different values, {values}; "
                f"read param_groups[i][{self.name!r}]"
            )
        return values[0]

    def __set__(self, optimizer: HasGroups, value: T) -> None:
        optimizer._change([{self.name: value}] * len(optimizer.param_groups))

    def check(self, value: object) -> T:
        """Return `value` as it is kept, or raise TypeError or ValueError."""
        raise NotImplementedError

    def numbers(self) -> Mapping[str, OptionCheck]:
        """For each option of the core that this stands for, what it may be."""
        raise NotImplementedError

    def encode(self, value: T) -> Mapping[str, float]:
        """For each option of the core that this stands for, its number."""
        raise NotImplementedError


class Number(Hyperparameter[float]):
    """A real number of a range."""

    def __init__(self, range_: Range = NOT_NAN, *, fixed: bool = False) -> None:
        super().__init__(fixed=fixed)
        self.range = range_

    def check(self, value: object) -> float:
        return self.range.check(self.name, value)

    def numbers(self) -> Mapping[str, OptionCheck]:
        return {self.name: OptionCheck(self.check, self.range.interval)}

    def encode(self, value: float) -> Mapping[str, float]:
        return {self.name: value}


class LearningRate(Hyperparameter["float | Schedule"]):
    """A number of at least 0, or a callable of the count of completed steps."""

    def check(self, value: object) -> float | Schedule:
        if isinstance(value, type):
            raise TypeError(
                f"lr: expected a number or a callable, got the class {value.__name__}; pass an "
                f"object of it, {value.__name__}(...)"
            )
        return value if callable(value) else self.check_number(value)

    def check_number(self, value: object) -> float:
        """Check a learning rate that is to be a number."""
        return AT_LEAST_0.check("lr", value)

    def check_returned(self, value: object) -> float:
        """Check what a callable returned: an infinite rate is the slip of one that divides by 0."""
        return FINITE_AT_LEAST_0.check("lr", value)

    def numbers(self) -> Mapping[str, OptionCheck]:
        return {self.name: OptionCheck(self.check_number, AT_LEAST_0.interval)}

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
            FROM_0_BELOW_1.check(f"{self.name}[{index}]", each) for index, each in enumerate(value)
        )
        return first, second

    def numbers(self) -> Mapping[str, OptionCheck]:
        return {
            name: OptionCheck(partial(FROM_0_BELOW_1.check, name), FROM_0_BELOW_1.interval)
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

    def numbers(self) -> Mapping[str, OptionCheck]:
        return {self.name: OptionCheck(self.check)}

    def encode(self, value: bool) -> Mapping[str, float]:
        return {self.name: float(value)}


def hyperparameters(cls: type[Any]) -> dict[str, Hyperparameter[Any]]:
    """Return the hyperparameters of an optimizer class, in the order of their declaration."""
    return {
        name: value
        for base in reversed(cls.__mro__)
        for name, value in vars(base).items()
        if isinstance(value, Hyperparameter)
    }
