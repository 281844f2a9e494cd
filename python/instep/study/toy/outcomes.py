"""How each optimizer does on the cubic: its paths, their endings, and what a push does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from instep.study.optimizers import at_one_rate
from instep.study.toy.repetition import LIMIT, Ending, Record, follow

if TYPE_CHECKING:
    from instep.study.arrays import Doubles

LR = 0.01
TOLERANCE = 1e-12
MINIMUM = 2.0
AFTER_PUSH = 1000
LASTING = 0.9
"""The end of a path is what comes after this share of the iterations."""

OPTIMIZERS = at_one_rate(LR)


def gradient(x: Doubles) -> Doubles:
    """Return the slope of x³ − 3x² + 4."""
    return 3 * x**2 - 6 * x


@dataclass(frozen=True)
class Outcome:
    """What came of the starts of one optimizer. Arrays have an element for each start.

    `push` has the iterations that follow when all are moved to the next larger float64.
    """

    title: str
    record: Record
    endings: list[Ending]
    rests: list[int | None]
    push: Record

    @property
    def distances(self) -> Doubles:
        """Distance from the minimum: a row for each iteration."""
        distances: Doubles = np.abs(self.record.positions - MINIMUM)
        return distances

    @property
    def at_ending(self) -> Doubles:
        """Distance from the minimum where the search ended."""
        return np.array([self.distances[end.iteration, i] for i, end in enumerate(self.endings)])

    @property
    def farthest_after(self) -> Doubles:
        """Largest distance from where the search ended, had it gone on."""
        positions = self.record.positions
        return np.array(
            [
                np.abs(positions[end.iteration :, i] - positions[end.iteration, i]).max()
                for i, end in enumerate(self.endings)
            ]
        )

    @property
    def lasting(self) -> Doubles:
        """Largest distance from the minimum at the end of the path."""
        lasting: Doubles = self.distances[int(LASTING * self.record.iterations) :].max(axis=0)
        return lasting

    @property
    def after_push(self) -> Doubles:
        """Distance from the minimum after the push, of what was at rest before."""
        resting = [rest is not None for rest in self.rests]
        distances: Doubles = np.abs(self.push.positions[:, resting] - MINIMUM)
        return distances

    @property
    def pushed(self) -> Doubles:
        """The largest of `after_push`."""
        farthest: Doubles = self.after_push.max(axis=0)
        return farthest

    @property
    def approaching(self) -> bool:
        """Whether no start moved away from the minimum at the end of the path."""
        end = self.distances[int(LASTING * self.record.iterations) :]
        return bool((np.diff(end, axis=0) <= 0).all())

    @property
    def median(self) -> int:
        """Iterations to the ending: the median of the starts."""
        return int(np.median([ending.iteration for ending in self.endings]))

    @property
    def ended(self) -> bool:
        """Whether the search ended from every start."""
        return all(ending.how != LIMIT for ending in self.endings)

    @property
    def moving(self) -> int:
        """From how many starts there is no rest."""
        return self.rests.count(None)


def outcome(title: str, starts: Doubles, iterations: int) -> Outcome:
    """Minimise from all `starts` by the optimizer of this title."""
    x = starts.copy()
    optimizer = OPTIMIZERS[title](x)
    record = follow(optimizer, x, gradient, iterations)
    x[...] = np.nextafter(x, np.inf)
    push = follow(optimizer, x, gradient, AFTER_PUSH)
    elements = range(len(starts))
    endings = [record.ending(element, TOLERANCE) for element in elements]
    return Outcome(title, record, endings, [record.rest(element) for element in elements], push)
