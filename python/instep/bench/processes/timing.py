"""How it is measured by several processes together: all parts in turn, again and again."""

from __future__ import annotations

import random
import timeit
from typing import TYPE_CHECKING, Any

import numpy as np

from instep.bench.measure import FEWEST_ROUNDS, SHORTEST_TIMING, in_turn, quartiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from instep.bench.results import Quartiles


def time_in_turn(
    comm: Any,
    parts: Mapping[str, Callable[[], object]],
    steps: Mapping[str, Callable[[], object]],
    seconds: float,
) -> dict[str, Quartiles]:
    """Time parts and whole steps for about `seconds` in all, a time being that of the slowest.

    Every process calls it alike, and they begin each timing together. A step comes after another
    one; a part, as in a step, after something else, which has filled the caches.
    """
    timers = {name: timeit.Timer(each) for name, each in {**parts, **steps}.items()}
    calls = {name: _calls(comm, timer) for name, timer in timers.items()}
    cost = 2 * sum(_together(comm, each, calls[name]) for name, each in timers.items())
    rounds = max(FEWEST_ROUNDS, round(seconds / cost)) if seconds else 1
    times: dict[str, list[float]] = {name: [] for name in timers}
    for name in in_turn(dict.fromkeys(timers, rounds), random.Random(0)):
        if name in steps:
            timers[name].timeit(calls[name])
        times[name].append(_together(comm, timers[name], calls[name]) / calls[name])
    return {name: quartiles(each) for name, each in times.items()}


def _calls(comm: Any, timer: timeit.Timer) -> int:
    """Return how many calls are long enough to be timed."""
    timer.timeit(1)
    calls = 1
    while _together(comm, timer, calls) < SHORTEST_TIMING:
        calls *= 2
    return calls


def _together(comm: Any, timer: timeit.Timer, calls: int) -> float:
    comm.Barrier()
    took = np.empty(comm.size)
    comm.Allgather(np.array([timer.timeit(calls)]), took)
    return float(took.max())
