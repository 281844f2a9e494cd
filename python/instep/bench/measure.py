"""How it is measured: all contenders in turn, again and again, so that drift meets them alike."""

from __future__ import annotations

import gc
import math
import random
import time
import timeit
from typing import TYPE_CHECKING

import numpy as np

from instep.bench.contenders import NotOffered
from instep.bench.results import Measurement, Quartiles, Timings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from instep.bench.cases import Case
    from instep.bench.contenders import Contender

SHORTEST_TIMING = 200e-6
"""Seconds: far above the clock's resolution and cost, far below a scheduler's time slice."""

SETTLING = 5e-3
"""Seconds after which idle threads of OpenMP runtimes and thread pools have gone to sleep."""

LONG = 0.1
"""Seconds of a step beside which it costs nothing to fill the caches again."""

FEWEST_ROUNDS = 6
FEWEST_LONG_ROUNDS = 3

PLACEMENTS = 3
"""Times that everything is prepared anew. In caches a step can take up to three times as long for
as long as its arrays lie where they happened to be put (modulo a page, each against the others)."""

LARGE = 1 << 26
"""Bytes of a case past the caches: where its arrays lie matters little, and a second copy much."""


def measure(case: Case, contenders: Sequence[Contender], seconds: float) -> Measurement:
    """Time the steps of `case` for about `seconds`, divided equally among the contenders.

    Each is timed at least `FEWEST_ROUNDS` times (`FEWEST_LONG_ROUNDS` if its step is long), however
    little time that leaves. With no time at all, idle threads are not waited for, and nothing is
    prepared twice.
    """
    rng = random.Random(0)
    placements = PLACEMENTS if seconds and case.bytes_held < LARGE else 1
    times: dict[str, list[float]] = {}
    steps: dict[str, int] = {}
    skipped: dict[str, str] = {}
    for _ in range(placements):
        series = _prepare(case, contenders, SETTLING if seconds else 0.0, rng, skipped)
        share = seconds / placements / len(series)
        due = {name: each.timings_in(share, placements) for name, each in series.items()}
        for name in in_turn(due, rng):
            series[name].add()
        for name, each in series.items():
            times.setdefault(name, []).extend(each.times)
            steps[name] = min(each.steps, steps.get(name, each.steps))
        # Before the next are prepared. Those that lie in a cycle go when it is worth the time.
        del each
        series.clear()
        if case.bytes_held >= LARGE:
            gc.collect()
    timings = {
        each.name: Timings(
            quartiles(times[each.name]),
            len(times[each.name]),
            steps[each.name],
            each.bytes_moved(case),
        )
        for each in contenders
        if each.name in times
    }
    return Measurement(case, timings, skipped)


def _prepare(
    case: Case,
    contenders: Sequence[Contender],
    settling: float,
    rng: random.Random,
    skipped: dict[str, str],
) -> dict[str, _Series]:
    """Prepare the contenders, each somewhere else in memory than the last time."""
    series = {}
    padding = []
    for each in rng.sample(contenders, len(contenders)):
        padding.append(bytearray(rng.randrange(1 << 16)))
        try:
            series[each.name] = _Series(each.prepare(case).step, settling)
        except NotOffered as reason:
            skipped[each.name] = str(reason)
    return series


def in_turn(times: Mapping[str, int], rng: random.Random) -> Iterator[str]:
    """Yield each name as many times as it is given, evenly among the others.

    A round has every name that is due in it, in an order of its own: who always came after the same
    other would meet the same leavings in the caches.
    """
    rounds = max(times.values())
    for now in range(rounds):
        # The name's share of the rounds, summed up, passes a whole number in as many as it is due.
        due = [name for name, n in times.items() if (now + 1) * n // rounds > now * n // rounds]
        rng.shuffle(due)
        yield from due


class _Series:
    """The times of one contender, taken one by one."""

    def __init__(self, step: Callable[[], object], settling: float) -> None:
        self._timer = timer = timeit.Timer(step)
        self._settling = settling
        # What is compiled or allocated at the first step is not the step.
        timer.timeit(1)
        self.steps = 1
        while (took := timer.timeit(self.steps)) < SHORTEST_TIMING:
            self.steps *= 2
        self._long = took / self.steps > LONG
        self._cost = settling + took * (1 if self._long else 2)
        self.times: list[float] = []

    def timings_in(self, seconds: float, placements: int) -> int:
        """Return how many times to take in `seconds`, in one of so many placements."""
        fewest = FEWEST_LONG_ROUNDS if self._long else FEWEST_ROUNDS
        return max(math.ceil(fewest / placements), round(seconds / self._cost))

    def add(self) -> None:
        """Take a time."""
        # Threads of the contender before still spin on the cores for a while.
        time.sleep(self._settling)
        if not self._long:
            # It has also pushed this one's arrays out of the caches, and the core has rested: as
            # many steps untimed first.
            self._timer.timeit(self.steps)
        self.times.append(self._timer.timeit(self.steps) / self.steps)


def quartiles(times: Sequence[float]) -> Quartiles:
    """Return the median of times, and what a quarter of them is below and above."""
    return Quartiles(*np.percentile(times, (25, 50, 75)).tolist())
