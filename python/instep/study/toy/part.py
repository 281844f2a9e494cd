"""Minimise x³ − 3x² + 4, which is largest at 0 and smallest at 2, until x repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.report.findings import Curves, Findings
from instep.study.report.iterations import from_the_start
from instep.study.toy import pictures, text
from instep.study.toy.outcomes import OPTIMIZERS, outcome

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from instep.study.progress import Progress
    from instep.study.toy.outcomes import Outcome

STARTS = 5
ITERATIONS, QUICK_ITERATIONS = 100_000, 10_000


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Minimise by every optimizer."""
    starts = np.sort(np.random.default_rng(settings.seed).uniform(0, 1, STARTS))
    iterations = QUICK_ITERATIONS if settings.quick else ITERATIONS
    bar = progress.bar("toy", len(OPTIMIZERS))
    outcomes = []
    for title in OPTIMIZERS:
        outcomes.append(outcome(title, starts, iterations))
        bar.advance(note=title)
    return Findings(
        text.describe(outcomes, starts),
        [
            pictures.draw_paths(outcomes),
            pictures.draw_distances(outcomes),
            pictures.draw_last_iterations(outcomes),
        ],
        [_path_curves(outcomes), _ending_curves(outcomes)],
    )


def _path_curves(outcomes: Sequence[Outcome]) -> Curves:
    curves = Curves("paths", "optimizer", "start", "iteration", "x")
    for found in outcomes:
        positions = found.record.positions
        rows = from_the_start(found.record.iterations)
        for path in positions.T:
            curves.add(found.title, path[0], rows, path[rows])
    return curves


def _ending_curves(outcomes: Sequence[Outcome]) -> Curves:
    curves = Curves(
        "endings", "optimizer", "start", "iterations", "ended by", "distance", "at rest since"
    )
    for found in outcomes:
        starts = found.record.positions[0]
        for start, end, distance, rest in zip(
            starts, found.endings, found.at_ending, found.rests, strict=True
        ):
            since = "" if rest is None else str(rest)
            curves.add(found.title, start, end.iteration, end.how, distance, since)
    return curves
