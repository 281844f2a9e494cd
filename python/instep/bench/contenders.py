"""What a contender is: a way to perform the steps of a case."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.arrays import Array
    from instep.bench.cases import Case

Gradients = TypeVar("Gradients")
"""One step's gradients, as a contender's library takes them."""


class NotOffered(Exception):  # noqa: N818
    """A contender has no such step; the message says what it lacks."""


class Stepper(NamedTuple):
    """A contender at work on the arrays of one case."""

    step: Callable[[], object]
    """Performs one step to its end."""
    params: Callable[[], list[Array]]
    """The parameters as they stand."""


@dataclass(frozen=True)
class Contender:
    """A way to perform the steps of a case.

    `prepare` works on arrays of its own, which hold the same numbers as every other contender's,
    and raises `NotOffered` for a case that the contender cannot do. It sets the number of threads
    of the case for the contender's library; one library's setting is no other's.
    """

    name: str
    prepare: Callable[[Case], Stepper]


def each_in_turn(
    step: Callable[[Gradients], object], grads: list[Gradients]
) -> Callable[[], object]:
    """Return a function that calls `step` with the next of `grads`, over and over."""
    # All in C: about 0.02 µs of each step, and the same for every contender.
    return map(step, itertools.cycle(grads)).__next__
