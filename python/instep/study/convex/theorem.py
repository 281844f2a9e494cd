"""Theorem 1 of Reddi, Kale & Kumar: Adam returns to the worst point for ever."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import instep
from instep.schedules import InverseSquareRoot
from instep.study.convex.online_linear import Course, chunks, play
from instep.study.report.iterations import Iterations, logarithmic_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from instep.study.arrays import Doubles
    from instep.study.progress import Progress

SLOPES = (2.1, 3.0, 10.0)


def gradients(slopes: Sequence[float], steps: int) -> Iterator[Doubles]:
    """Yield chunks of gradients, one group of one game for each slope C."""
    for iterations in chunks(steps):
        first = (iterations % 3 == 1)[:, None, None]
        yield np.where(first, np.array(slopes)[None, :, None], -1.0)


def beta2(slope: float) -> float:
    """Return the theorem's second decay rate, 1/(1 + C²)."""
    return 1 / (1 + slope**2)


def alpha(slope: float) -> float:
    """Return nine tenths of the largest rate that the theorem allows, √(1 − β₂)."""
    return 0.9 * math.sqrt(1 - beta2(slope))


def players(slope: float) -> dict[str, tuple[type[instep.Optimizer], dict[str, Any]]]:
    """Return who plays, with hyperparameters."""
    rate = InverseSquareRoot(alpha(slope))
    adam = {"lr": rate, "betas": (0.0, beta2(slope)), "eps": 0.0}
    long = {**adam, "betas": (0.0, 0.999)}
    return {
        "Adam, uncorrected": (instep.Adam, {**adam, "bias_correction": False}),
        "Adam": (instep.Adam, adam),
        "Adam, β₂ = 0.999": (instep.Adam, long),
        "AMSGrad": (instep.AMSGrad, adam),
        "Adagrad": (instep.Adagrad, {"lr": alpha(slope), "eps": 0.0}),
        "SGD": (instep.SGD, {"lr": rate}),
    }


def marks(steps: int) -> Iterations:
    """Return the iterations that are drawn and stored."""
    return logarithmic_marks(steps, 300)


def play_all(slopes: Sequence[float], steps: int, progress: Progress) -> dict[str, Course]:
    """Play from 1, the theorem's start, and keep every iteration."""
    everything = np.arange(1, steps + 1)
    bar = progress.bar("convex: theorem 1", steps * len(players(slopes[0])))
    courses = {}
    for title, (optimizer, _) in players(slopes[0]).items():
        groups = [players(slope)[title][1] for slope in slopes]
        courses[title] = play(
            optimizer, groups, gradients(slopes, steps), everything, start=1.0, bar=bar
        )
    return courses


def returns(course: Course, index: int) -> tuple[int, int]:
    """Return how often x was exactly 1 where t mod 3 = 1, and of how many times."""
    before = course.x[course.marks % 3 == 1, index, 0]
    return int(np.count_nonzero(before == 1.0)), len(before)


def arrival(course: Course, index: int) -> int | None:
    """Return the iteration from which on x, where t mod 3 = 1, stays at or below −0.9."""
    at = course.marks % 3 == 1
    away = np.flatnonzero(course.x[at, index, 0] > -0.9)
    iterations = course.marks[at]
    if len(away) == 0:
        return int(iterations[0])
    return int(iterations[away[-1] + 1]) if away[-1] + 1 < len(iterations) else None


def distance_from_adagrad(courses: Mapping[str, Course]) -> float:
    """Return the largest distance of Adam with a long memory from Adagrad."""
    return float(np.abs(courses["Adam, β₂ = 0.999"].x - courses["Adagrad"].x).max())
