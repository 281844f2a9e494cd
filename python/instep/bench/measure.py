"""How it is measured: all contenders in turn, again and again, so that drift meets them alike."""

from __future__ import annotations

import gc
import random
import time
import timeit
from typing import TYPE_CHECKING

import numpy as np

from instep.bench.contenders import NotOffered
from instep.bench.results import Measurement, Quartiles, Timings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from instep.bench.cases import Case
    from instep.bench.contenders import Contender

SHORTEST_TIMING = 200e-6
"""Seconds: far above the clock's resolution and cost, far below a scheduler's time slice."""

SETTLING = 5e-3
"""Seconds after which idle threads of OpenMP runtimes and thread pools have gone to sleep."""

LONG = 0.1
"""Seconds of a step beside which it costs nothing to fill the caches again."""

FEWEST_ROUNDS = 5
FEWEST_LONG_ROUNDS = 3


def measure(case: Case, contenders: Sequence[Contender], seconds: float) -> Measurement:
    """Time the steps of `case` for about `seconds`, divided equally among the contenders.

    Each is timed at least `FEWEST_ROUNDS` times (`FEWEST_LONG_ROUNDS` if its step is long), however
    little time that leaves. With no time at all, threads are not waited for either.
    """
    timers: dict[str, timeit.Timer] = {}
    skipped: dict[str, str] = {}
    for each in contenders:
        try:
            timers[each.name] = timeit.Timer(each.prepare(case).step)
        except NotOffered as reason:
            skipped[each.name] = str(reason)
    settling = SETTLING if seconds else 0.0
    series = {name: _Series(timer, settling) for name, timer in timers.items()}
    timings = {name: each.timings_in(seconds / len(series)) for name, each in series.items()}
    for name in in_turn(timings):
        series[name].add()
    # Parameters, states and gradients that lie in a cycle would still stand beside the next case's.
    timers.clear()
    measured = {name: each.result() for name, each in series.items()}
    series.clear()
    gc.collect()
    return Measurement(case, measured, skipped)


def in_turn(times: Mapping[str, int]) -> Iterator[str]:
    """Yield each name as many times as it is given, evenly among the others.

    A round has every name that is due in it, in an order of its own: who always came after the same
    other would meet the same leavings in the caches.
    """
    shuffle = random.Random(0).shuffle
    rounds = max(times.values())
    for now in range(rounds):
        # The name's share of the rounds, summed up, passes a whole number in as many as it is due.
        due = [name for name, n in times.items() if (now + 1) * n // rounds > now * n // rounds]
        shuffle(due)
        yield from due


class _Series:
    """The times of one contender, taken one by one."""

    def __init__(self, timer: timeit.Timer, settling: float) -> None:
        self._timer = timer
        self._settling = settling
        # What is compiled or allocated at the first step is not the step.
        timer.timeit(1)
        self._steps = 1
        while (took := timer.timeit(self._steps)) < SHORTEST_TIMING:
            self._steps *= 2
        self._long = took / self._steps > LONG
        self._cost = settling + took * (1 if self._long else 1 + 1 / self._steps)
        self._times: list[float] = []

    def timings_in(self, seconds: float) -> int:
        """Return how many times to take in `seconds`."""
        fewest = FEWEST_LONG_ROUNDS if self._long else FEWEST_ROUNDS
        return max(fewest, round(seconds / self._cost))

    def add(self) -> None:
        """Take a time."""
        # Threads of the contender before still spin on the cores for a while.
        time.sleep(self._settling)
        if not self._long:
            # It has also pushed this one's arrays out of the caches: step once untimed.
            self._timer.timeit(1)
        self._times.append(self._timer.timeit(self._steps) / self._steps)

    def result(self) -> Timings:
        """Return the quartiles of the times taken."""
        quartiles = np.percentile(self._times, (25, 50, 75)).tolist()
        return Timings(Quartiles(*quartiles), rounds=len(self._times), steps=self._steps)
