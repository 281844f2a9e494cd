"""What was measured: times, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from instep.bench.floors import FLOORS
from instep.bench.own import INSTEP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from instep.bench.cases import Case

FLOOR_NAMES = tuple(floor.name for floor in FLOORS)


class Quartiles(NamedTuple):
    """Seconds of one step."""

    lower: float
    median: float
    upper: float

    @property
    def spread(self) -> float:
        """Half the distance between the outer quartiles, as a fraction of the median."""
        return (self.upper - self.lower) / (2 * self.median)


@dataclass(frozen=True)
class Timings:
    """The times that a contender took for the steps of one case."""

    seconds: Quartiles
    rounds: int
    """How many times it was timed."""
    steps: int
    """How many steps each of these times spans."""
    bytes_moved: int
    """Bytes that a step has to move: the case's, or fewer where it stores in 16 bits."""


@dataclass(frozen=True)
class Measurement:
    """The times of a case, by the contenders' names."""

    case: Case
    timings: Mapping[str, Timings]
    skipped: Mapping[str, str]
    """Why a contender does not take part."""

    def seconds(self, contender: str) -> float:
        """Return the median time of a step."""
        return self.timings[contender].seconds.median

    def bytes_per_second(self, contender: str) -> float:
        """Return the rate at which `contender` moved the bytes that a step has to move."""
        return self.timings[contender].bytes_moved / self.seconds(contender)

    def bytes_per_element(self, contender: str) -> float:
        """Return the bytes that a step of `contender` has to move of an element."""
        return self.timings[contender].bytes_moved / self.case.elements

    def ns_per_element(self, contender: str) -> float:
        """Return the median time of a step, divided among the elements."""
        return self.seconds(contender) / self.case.elements * 1e9

    def ratio(self, contender: str, to: str = INSTEP.name) -> float:
        """Return how many times as long as `to` the contender took."""
        return self.seconds(contender) / self.seconds(to)

    @property
    def floor(self) -> str | None:
        """The floor that no step can be faster than: the slower of those that were measured."""
        measured = [name for name in FLOOR_NAMES if name in self.timings]
        return max(measured, key=self.seconds, default=None)


@dataclass(frozen=True)
class Results:
    """A run of the benchmark, with all that its figures and pictures are made from."""

    arguments: Mapping[str, Any]
    """What was asked for."""
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    """Of the packages whose steps were measured."""
    skipped: Mapping[str, str]
    """Why a peer does not take part in any case."""
    measurements: Sequence[Measurement]
