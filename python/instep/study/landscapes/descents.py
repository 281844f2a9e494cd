"""Descents on a surface: by every optimizer, at the rate of a grid that suits it best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from instep.study.optimizers import BY_SIGN, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import instep
    from instep.study.arrays import Doubles
    from instep.study.landscapes.surfaces import Surface

OPTIMIZERS = VARIANTS | BY_SIGN

DONE = 1e-6
"""A descent is done, and its rate works, where the loss stays below this for good."""


@dataclass(frozen=True)
class Descent:
    """The path of an optimizer at the best of several rates: a row for each iteration.

    `done` is the iteration from which on its loss is less than `DONE`, None where it never is;
    `working` counts the rates with which it is.
    """

    title: str
    lr: float
    path: Doubles
    losses: Doubles
    done: int | None
    working: int

    def nearest(self, minima: Doubles) -> tuple[Doubles, float]:
        """Return the minimum that is nearest to the end, and how far it is."""
        distances = np.hypot(*(minima - self.path[-1]).T)
        return minima[distances.argmin()], float(distances.min())


def unevenness(path: Doubles) -> Doubles:
    """Return how many times as far as the other coordinate the farther one moves, for each step."""
    moves = np.abs(np.diff(path, axis=0))
    with np.errstate(all="ignore"):
        ratios: Doubles = moves.max(axis=1) / moves.min(axis=1)
    return ratios


def descend(
    optimizer: Callable[..., instep.Optimizer], lr: float, surface: Surface, steps: int
) -> Doubles:
    """Return the path from the start of `surface`. It may lead to infinity and NaN."""
    point = np.array(surface.start)
    path = np.empty((steps + 1, 2))
    path[0] = point
    stepping = optimizer(point, lr=lr)
    with np.errstate(all="ignore"):
        for row in path[1:]:
            stepping.step(np.array(surface.gradient(*point)))
            row[:] = point
    return path


def done(losses: Doubles) -> int | None:
    """Return the iteration from which on all `losses` are less than `DONE`."""
    above = np.flatnonzero(losses >= DONE)
    since = int(above[-1]) + 1 if above.size else 0
    return since if since < len(losses) else None


def best_descent(title: str, rates: Sequence[float], surface: Surface, steps: int) -> Descent:
    """Descend at each of `rates` and keep the one that is done first.

    Where none is done, it is the one with the lowest loss at the end; of equal ones the first.
    """
    descents = []
    for lr in rates:
        path = descend(OPTIMIZERS[title], lr, surface, steps)
        with np.errstate(all="ignore"):
            losses = np.nan_to_num(surface.loss(*path.T), nan=np.inf, posinf=np.inf)
        descents.append((lr, path, losses, done(losses)))
    working = sum(since is not None for *_, since in descents)
    best = min(descents, key=lambda each: (steps + 1 if each[3] is None else each[3], each[2][-1]))
    return Descent(title, *best, working)
