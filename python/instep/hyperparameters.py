"""What a hyperparameter may be, and which numbers the core gets for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    cast,
    overload,
)

import numpy as np

from instep.numbers import AT_LEAST_0, FROM_0_BELOW_1, NOT_NAN, Range

T = TypeVar("T")

Schedule: TypeAlias = Callable[[int], float]
"""A number for each count of completed steps; `instep.schedules` has the usual ones."""
PairSchedule: TypeAlias = Callable[[int], tuple[float, float]]
BetasSchedule: TypeAlias = PairSchedule
ThreeBetasSchedule: TypeAlias = Callable[[int], tuple[float, float, float]]
FlagSchedule: TypeAlias = Callable[[int], bool]

# What an attribute is read as. `Number[float]` and `Flag[bool]` are those that are no callables.
if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    N = TypeVarWithDefault("N", default="float | Schedule")
    FlagT = TypeVarWithDefault("FlagT", default="bool | FlagSchedule")
else:
    N, FlagT = TypeVar("N"), TypeVar("FlagT")


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

    def check(self, value: object) -> Any:
        """Return a value, or a callable of the count of completed steps, as it is kept."""
        if isinstance(value, type):
            raise TypeError(
                f"{self.name}: expected a value or a callable, got the class {value.__name__}; "
                f"pass an object of it, {value.__name__}(...)"
            )
        return value if callable(value) else self.check_value(value)

    def check_value(self, value: object) -> Any:
        """Return a value as it is kept, or raise TypeError or ValueError."""
        raise NotImplementedError

    def check_returned(self, value: object) -> Any:
        """Return what a callable has returned as `check_value` does."""
        return self.check_value(value)

    def numbers(self) -> Mapping[str, OptionCheck]:
        """For each option of the core that this stands for, what it may be."""
        raise NotImplementedError

    def parts(self, value: Any) -> Mapping[str, Any]:
        """For each option of the core that this stands for, as `numbers` has them, its value."""
        return {self.name: value}

    def encode(self, value: Any) -> Mapping[str, float]:
        """For each option of the core that this stands for, its number."""
        return {option: number_of(part) for option, part in self.parts(value).items()}

    def encode_returned(self, value: object) -> list[float]:
        """Return the core's numbers of what a callable has returned, checked."""
        return list(self.encode(self.check_returned(value)).values())

    def decode(self, numbers: Sequence[float]) -> Any:
        """Return the value of which `encode` gives these numbers."""
        return numbers[0]


class Number(Hyperparameter[N]):
    """A real number of a range or, where it may be that, None, which for the core is NaN."""

    def __init__(
        self, range_: Range = NOT_NAN, *, fixed: bool = False, may_be_none: bool = False
    ) -> None:
        super().__init__(fixed=fixed)
        self.range = range_
        self.may_be_none = may_be_none

    def check_value(self, value: object) -> float | None:
        if value is None and self.may_be_none:
            return None
        return self.range.check(self.name, value)

    def numbers(self) -> Mapping[str, OptionCheck]:
        return {self.name: OptionCheck(self._check_number, self.range.interval)}

    def _check_number(self, value: object) -> float:
        return number_of(self.check_value(value))

    def encode_returned(self, value: object) -> list[float]:
        return [number_of(self.check_returned(value))]  # at each step: without a mapping of one

    def decode(self, numbers: Sequence[float]) -> float | None:
        return None if self.may_be_none and math.isnan(numbers[0]) else numbers[0]


class LearningRate(Number):
    """A number of at least 0, or of another range."""

    def __init__(self, range_: Range = AT_LEAST_0) -> None:
        super().__init__(range_)
        self.finite: Range = Range(range_.low, above=range_.above, below=True)

    def check_returned(self, value: object) -> float:
        """Refuse an infinite rate as well, the slip of a callable that divides by 0."""
        return self.finite.check(self.name, value)


class Numbers(Hyperparameter["T | Callable[[int], T]"], Generic[T]):
    """A tuple of numbers, which the core has as options of their own.

    Parameters
    ----------
    ranges : mapping of str to Range
        For each of the core's options what it may be, in the order of the tuple.
    may_be_none : collection of str
        Those that may be None, which for the core is NaN.
    """

    def __init__(self, ranges: Mapping[str, Range], *, may_be_none: Collection[str] = ()) -> None:
        super().__init__()
        self.ranges = ranges
        self.may_be_none = may_be_none

    def check_value(self, value: object) -> T:
        count = len(self.ranges)
        if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
            raise TypeError(f"{self.name}: expected {count} numbers, got {value!r}")
        if len(value) != count:
            raise ValueError(f"{self.name}: expected {count} numbers, got {len(value)}: {value!r}")
        checked = tuple(
            self._check_part(option, f"{self.name}[{index}]", part)
            for index, (option, part) in enumerate(zip(self.ranges, value, strict=True))
        )
        return cast("T", checked)

    def _check_part(self, option: str, name: str, value: object) -> float | None:
        if value is None and option in self.may_be_none:
            return None
        return self.ranges[option].check(name, value)

    def numbers(self) -> Mapping[str, OptionCheck]:
        return {
            option: OptionCheck(partial(self._check_number, option), each.interval)
            for option, each in self.ranges.items()
        }

    def _check_number(self, option: str, value: object) -> float:
        return number_of(self._check_part(option, option, value))

    def parts(self, value: Any) -> Mapping[str, float | None]:
        return dict(zip(self.ranges, value, strict=True))

    def decode(self, numbers: Sequence[float]) -> T:
        parts = zip(self.ranges, numbers, strict=True)
        return cast("T", tuple(self._part_of(option, number) for option, number in parts))

    def _part_of(self, option: str, number: float) -> float | None:
        return None if math.isnan(number) and option in self.may_be_none else number


class Betas(Numbers[T]):
    """Decay rates in [0, 1): the options beta1, beta2 and so on of the core."""

    def __init__(self, count: int = 2) -> None:
        super().__init__({f"beta{k}": FROM_0_BELOW_1 for k in range(1, count + 1)})


class Flag(Hyperparameter[FlagT]):
    """True or False; with `only`, that one."""

    def __init__(self, *, fixed: bool = False, only: bool | None = None) -> None:
        super().__init__(fixed=fixed or only is not None)
        self.only = only

    def check_value(self, value: object) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{self.name}: expected True or False, got {value!r}")
        if self.only is not None and value != self.only:
            raise ValueError(f"{self.name}: expected {self.only} in this class, got {value!r}")
        return bool(value)

    def numbers(self) -> Mapping[str, OptionCheck]:
        return {self.name: OptionCheck(self.check_value)}

    def decode(self, numbers: Sequence[float]) -> bool:
        return bool(numbers[0])


def number_of(value: float | None) -> float:
    """Return a value as the core has it, to which None is NaN."""
    return math.nan if value is None else float(value)


def callables_of(values: Mapping[str, Any]) -> dict[str, Callable[[int], Any]]:
    """Return those hyperparameters that are callables."""
    return {name: value for name, value in values.items() if callable(value)}


def hyperparameters(cls: type[Any]) -> dict[str, Hyperparameter[Any]]:
    """Return the hyperparameters of an optimizer class, in the order of their declaration."""
    return {
        name: value
        for base in reversed(cls.__mro__)
        for name, value in vars(base).items()
        if isinstance(value, Hyperparameter)
    }
