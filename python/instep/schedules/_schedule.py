"""What all schedules share."""

from __future__ import annotations

from typing import Any, NoReturn

from instep.numbers import check_integer


class ImmutableSchedule:
    """A schedule that is its parameters: attributes with the names and order of its arguments."""

    def __call__(self, t: int) -> float:
        """Return the learning rate after `t` completed steps.

        Parameters
        ----------
        t : int
            How many steps were completed, at least 0.

        Returns
        -------
        float
            The rate of the next step.

        Raises
        ------
        TypeError
            When `t` is not an integer.
        ValueError
            When `t` is negative.
        """
        return self._rate(check_integer("t", t, at_least=0))

    def _rate(self, t: int) -> float:
        raise NotImplementedError

    def _set(self, **parameters: object) -> None:
        vars(self).update(parameters)  # past __setattr__

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name}: {type(self).__name__} cannot be changed; make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(vars(self).values())

    def __repr__(self) -> str:
        parameters = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({parameters})"


def interpolated(initial: float, final: float, weight: float) -> float:
    """Return `final` plus `weight`, in [0, 1], of what `initial` is away from it.

    Exactly `initial` at 1 and `final` at 0, and never beyond them: the largest weight below 1 takes
    off at least what rounding of the difference can have added.
    """
    return initial if weight == 1.0 else final + (initial - final) * weight
