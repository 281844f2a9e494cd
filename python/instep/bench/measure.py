"""How it is measured: all contenders in turn, again and again, so that drift meets them alike."""

from __future__ import annotations

import time
import timeit
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from instep.bench.contenders import NotOffered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from instep.bench.cases import Case
    from instep.bench.contenders import Contender

SHORTEST_TIMING = 200e-6
"""Seconds: far above the clock's resolution and cost, far below a scheduler's time slice."""

SETTLING = 5e-3
"""Seconds after which idle threads of OpenMP runtimes and thread pools have gone to sleep."""

FEWEST_ROUNDS = 5


class Quartiles(NamedTuple):
    """Seconds of one step."""

    lower: float
    median: float
    upper: float

    @property
    def spread(self) -> float:
        """Distance between the outer quartiles, as a fraction of the median."""
        return (self.upper - self.lower) / self.median


@dataclass(frozen=True)
class Measurement:
    """The times of a case, by the contenders' names."""

    case: Case
    rounds: int
    steps_per_timing: Mapping[str, int]
    quartiles: Mapping[str, Quartiles]
    skipped: Mapping[str, str]
    """Why a contender does not take part."""

    def bytes_per_second(self, contender: str) -> float:
        """Return the rate at which `contender` moved the bytes that a step has to move."""
        return self.case.bytes_moved / self.quartiles[contender].median

    def ratio(self, contender: str, to: str) -> float:
        """Return how many times as long as `to` the contender took."""
        return self.quartiles[contender].median / self.quartiles[to].median


def measure(case: Case, contenders: Sequence[Contender], seconds: float) -> Measurement:
    """Time the steps of `case` for about `seconds`, and at least `FEWEST_ROUNDS` times each."""
    timers: dict[str, timeit.Timer] = {}
    skipped: dict[str, str] = {}
    for each in contenders:
        try:
            timers[each.name] = timeit.Timer(each.prepare(case).step)
        except NotOffered as reason:
            skipped[each.name] = str(reason)
    steps = {name: _steps_per_timing(timer) for name, timer in timers.items()}
    times: list[list[float]] = []
    end = time.perf_counter() + seconds
    while len(times) < FEWEST_ROUNDS or time.perf_counter() < end:
        times.append([_time_step(timer, steps[name]) for name, timer in timers.items()])
    quartiles = np.percentile(times, (25, 50, 75), axis=0).T.tolist()
    return Measurement(
        case,
        rounds=len(times),
        steps_per_timing=steps,
        quartiles={name: Quartiles(*each) for name, each in zip(timers, quartiles, strict=True)},
        skipped=skipped,
    )


def _steps_per_timing(timer: timeit.Timer) -> int:
    """Return the number of steps that fill the shortest timing."""
    timer.timeit(1)
    steps = 1
    while timer.timeit(steps) < SHORTEST_TIMING:
        steps *= 2
    return steps


def _time_step(timer: timeit.Timer, steps: int) -> float:
    # Threads of the contender before still spin on the cores for a while.
    time.sleep(SETTLING)
    # It has also pushed this one's arrays out of the caches: step once untimed.
    timer.timeit(1)
    return timer.timeit(steps) / steps
