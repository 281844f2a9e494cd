"""Iterate until the parameters repeat: which elements of an array come to rest, cycle or neither.

Every element of the array is a problem of its own, which is right for element-wise rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import instep

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.study.arrays import Doubles


UNCHANGED, SMALL_CHANGE, CYCLE, LIMIT = "unchanged", "small change", "cycle", "limit"
REST = 1000
"""What has not moved for so many iterations is at rest."""


@dataclass(frozen=True)
class Ending:
    """After which iteration a search ends, and by which condition."""

    iteration: int
    how: str


@dataclass(frozen=True)
class Record:
    """Where every element was: `positions` has a row for each iteration, the start included.

    `periods` tells after how many iterations position and state of an element are bit for bit what
    they were (0: they never were).
    """

    positions: Doubles
    periods: NDArray[np.int64]

    @property
    def iterations(self) -> int:
        """The number of steps taken."""
        return len(self.positions) - 1

    def ending(self, element: int, tolerance: float) -> Ending:
        """Return when the element first changed by less than `tolerance` of itself, or repeated."""
        path = self.positions[:, element]
        change = np.abs(np.diff(path))
        small = (change == 0) | (change < tolerance * np.abs(path[:-1]))
        if small.any():
            # A whole cycle would have shown this change in its first turn: it comes first.
            last = int(small.argmax())
            return Ending(last + 1, SMALL_CHANGE if change[last] else UNCHANGED)
        if period := int(self.periods[element]):
            return Ending(self._cycles_since(path, period) + period, CYCLE)
        return Ending(self.iterations, LIMIT)

    def rest(self, element: int, at_least: int = REST) -> int | None:
        """Return since when the element rests: None where it moved in the last `at_least`."""
        moved = np.flatnonzero(np.diff(self.positions[:, element]))
        since = int(moved[-1]) + 1 if moved.size else 0
        return since if since + at_least <= self.iterations else None

    @staticmethod
    def _cycles_since(path: Doubles, period: int) -> int:
        other = np.flatnonzero(path[:-period] != path[period:])
        return int(other[-1]) + 1 if other.size else 0


def follow(
    optimizer: instep.Optimizer, x: Doubles, gradient: Callable[[Doubles], Doubles], iterations: int
) -> Record:
    """Step `x` by `optimizer`, whose only parameter it is, and look for cycles.

    The cycles are found by R. P. Brent's algorithm ("An improved Monte Carlo factorization
    algorithm", BIT 20, 1980): what is compared with is taken anew after 1, 2, 4, … iterations.
    """
    positions = np.empty((iterations + 1, *x.shape))
    positions[0] = x
    periods = np.zeros(x.shape, np.int64)
    taken, taken_at = _state(optimizer, x, 0), 0
    for iteration in range(1, iterations + 1):
        optimizer.step(gradient(x))
        positions[iteration] = x
        # The state, which is slow to get, matters only where the position is back.
        back = (x == positions[taken_at]) & (x != positions[iteration - 1]) & (periods == 0)
        if back.any():
            same = _state(optimizer, x, iteration).view(np.uint64) == taken.view(np.uint64)
            periods[back & same.all(axis=0)] = iteration - taken_at
        if iteration == max(1, 2 * taken_at):
            taken, taken_at = _state(optimizer, x, iteration), iteration
    return Record(positions, periods)


def _state(optimizer: instep.Optimizer, x: Doubles, iteration: int) -> Doubles:
    """Return all on which the next step depends, in a column for each element."""
    state = optimizer.state_dict()["state"][0]
    rows = [x, *(array for name, array in state.items() if name != "step")]
    if isinstance(optimizer, instep.Adam) and optimizer.bias_correction:
        # The number of the step counts until the corrections have become 1.
        corrected = any(1 - beta**iteration < 1 for beta in optimizer.param_groups[0]["betas"])
        rows.append(np.full_like(x, iteration if corrected else 0))
    return np.stack(rows)
