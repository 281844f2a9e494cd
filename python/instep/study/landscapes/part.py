"""Paths on four functions of two variables, and how long a saddle holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.landscapes import pictures, saddle_escape, text
from instep.study.landscapes.descents import OPTIMIZERS, best_descent
from instep.study.landscapes.surfaces import SURFACES
from instep.study.report.findings import Curves, Findings
from instep.study.report.iterations import from_the_start

if TYPE_CHECKING:
    import argparse

    from instep.study.arrays import Doubles
    from instep.study.landscapes.descents import Descent
    from instep.study.landscapes.saddle_escape import Escapes
    from instep.study.landscapes.surfaces import Surface
    from instep.study.progress import Progress

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0)
QUICK_RATES = RATES[::2]
POINTS = 400
"""Most points of a path that are stored."""


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Descend everywhere. Nothing is random: the seed changes nothing."""
    rates = QUICK_RATES if settings.quick else RATES
    found: list[tuple[Surface, list[Descent]]] = []
    bar = progress.bar("landscapes", len(SURFACES) * len(OPTIMIZERS))
    for surface in SURFACES:
        found.append((surface, []))
        for title in OPTIMIZERS:
            found[-1][1].append(best_descent(title, rates, surface, surface.steps))
            bar.advance(note=f"{surface.name}, {title}")
    distances = np.array([10.0**-power for power in range(1, 13, 3 if settings.quick else 1)])
    limit = 5000 if settings.quick else 30_000
    escapes = saddle_escape.escape_all(distances, limit, progress)
    return Findings(
        f"{text.describe_descents(found, rates)}\n\n"
        f"{text.describe_escapes(distances, escapes, limit)}",
        [
            *(pictures.draw_paths(surface, descents) for surface, descents in found),
            pictures.draw_losses(found),
            pictures.draw_escapes(distances, escapes, limit),
        ],
        [_path_curves(found), _escape_curves(distances, escapes, limit)],
    )


def _path_curves(found: list[tuple[Surface, list[Descent]]]) -> Curves:
    curves = Curves("paths", "function", "optimizer", "lr", "iteration", "x", "y", "loss")
    for surface, descents in found:
        for descent in descents:
            rows = from_the_start(len(descent.path) - 1, POINTS)
            x, y = descent.path[rows].T
            curves.add(surface.name, descent.title, descent.lr, rows, x, y, descent.losses[rows])
    return curves


def _escape_curves(distances: Doubles, escapes: Escapes, limit: int) -> Curves:
    curves = Curves("escapes", "ridge", "optimizer", "distance", "iterations")
    for ridge, by_optimizer in escapes.items():
        for title, times in by_optimizer.items():
            shown = [str(time) if time <= limit else "" for time in times]
            curves.add(ridge, title, distances, shown)
    return curves
