"""What a contender is: a way to perform the steps of the cases that it offers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from instep.bench.arrays import DTYPES, LAYOUTS
from instep.bench.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

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
class Offer:
    """The cases that a contender takes part in, and why in no others."""

    rules: Collection[str] = tuple(rule.name for rule in RULES)
    dtypes: Collection[str] = DTYPES
    layouts: Collection[str] = tuple(LAYOUTS)
    other_layouts: str = "contiguous arrays only"
    """Why no others."""
    lacking: Mapping[str, str] = field(default_factory=dict)
    """Why a rule is left out that the library has."""
    in_float32: Collection[str] = ()
    """The rules of which it keeps numbers in float32 whatever the parameter is."""
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Where a rule has another form than instep's in the case: instep's options for that form."""

    def why_not(self, case: Case) -> str | None:
        """Return what is in the way of `case`, None where nothing is."""
        rule = case.rule.name
        if rule in self.lacking:
            return self.lacking[rule]
        if rule not in self.rules:
            return "no such rule"
        if rule in self.in_float32 and case.dtype != "float32":
            return "keeps numbers of a parameter in float32"
        if case.dtype not in self.dtypes:
            return f"no {case.dtype}"
        return None if case.layout in self.layouts else self.other_layouts


@dataclass(frozen=True)
class Contender:
    """A way to perform the steps of a case."""

    name: str
    begin: Callable[[Case], Stepper]
    """Prepares an offered case. It may still find, and say by `NotOffered`, that it cannot."""
    offer: Offer = field(default_factory=Offer)
    other_bytes: Callable[[Case], int] | None = None
    """Bytes that its steps have to move, where they store in other types than the case."""

    def bytes_moved(self, case: Case) -> int:
        """Return the bytes that a step has to read and to write."""
        return case.bytes_moved if self.other_bytes is None else self.other_bytes(case)

    def prepare(self, case: Case) -> Stepper:
        """Return the steps on new arrays, which hold the same numbers as every contender's.

        It sets the number of threads of the case for the contender's library; one library's setting
        is no other's.

        Raises
        ------
        NotOffered
            For a case that the contender cannot do.
        """
        reason = self.offer.why_not(case)
        if reason is not None:
            raise NotOffered(reason)
        return self.begin(case)


def each_in_turn(
    step: Callable[[Gradients], object], grads: list[Gradients]
) -> Callable[[], object]:
    """Return a function that calls `step` with the next of `grads`, over and over."""
    # All in C: about 0.02 µs of each step, and the same for every contender.
    return map(step, itertools.cycle(grads)).__next__
