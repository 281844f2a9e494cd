"""How long a saddle holds an optimizer that starts close to the ridge, at one rate for all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from instep.study.landscapes.descents import OPTIMIZERS
from instep.study.landscapes.surfaces import saddle_gradient
from instep.study.optimizers import at_one_rate
from instep.study.report.iterations import Iterations

if TYPE_CHECKING:
    from collections.abc import Callable

    import instep
    from instep.study.arrays import Doubles
    from instep.study.progress import Progress

Escapes: TypeAlias = dict[str, dict[str, Iterations]]
"""For each ridge and optimizer, the time from each start."""

LR = 0.01
ALONG = 1.0
"""Where to start along the ridge."""

ESCAPED = 1.0
"""What is farther from the ridge has left. The minima are at √2."""

DIRECTIONS = {
    "along an axis": (1.0, 0.0),
    "at 30° to the axes": (math.sqrt(0.75), 0.5),
    "at 45° to the axes": (math.sqrt(0.5), math.sqrt(0.5)),
}
"""Ridges, as cosine and sine."""


def escape_times(
    optimizer: Callable[..., instep.Optimizer],
    distances: Doubles,
    direction: tuple[float, float],
    limit: int,
) -> Iterations:
    """Return after how many iterations each start has left the ridge, `limit` + 1 for never.

    Starts are `distances` from a ridge of this direction, through the saddle of
    :func:`instep.study.landscapes.surfaces.saddle`, turned.
    """
    cosine, sine = direction
    x = cosine * ALONG - sine * distances
    y = sine * ALONG + cosine * distances
    stepping = optimizer([x, y])
    times = np.full(distances.shape, limit + 1)
    for iteration in range(1, limit + 1):
        along, across = saddle_gradient(cosine * x + sine * y, cosine * y - sine * x)
        stepping.step([cosine * along - sine * across, sine * along + cosine * across])
        left = np.abs(cosine * y - sine * x) > ESCAPED
        times[left & (times > limit)] = iteration
        if left.all():
            break
    return times


def escape_all(distances: Doubles, limit: int, progress: Progress) -> Escapes:
    """Measure all optimizers on ridges of all directions."""
    optimizers = at_one_rate(LR, OPTIMIZERS)
    bar = progress.bar("saddle", len(DIRECTIONS) * len(optimizers))
    found: Escapes = {}
    for ridge, direction in DIRECTIONS.items():
        found[ridge] = {}
        for title, optimizer in optimizers.items():
            found[ridge][title] = escape_times(optimizer, distances, direction, limit)
            bar.advance(note=f"{ridge}, {title}")
    return found


def sgd_iterations_a_decade() -> float:
    """Return how many iterations longer SGD needs from a tenth of a small distance."""
    return math.log(10) / math.log1p(2 * LR)
