"""Minimise x³ − 3x² + 4, whose slope 3x² − 6x is 0 at 0 and at the minimum 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from instep.study.findings import Curves, Findings, Picture, markdown_table
from instep.study.optimizers import OPTIMIZERS
from instep.study.styles import style

if TYPE_CHECKING:
    import argparse

    from instep.study.progress import Progress

LR = 0.01
STARTS = 5


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Run it."""
    most = 1000 if settings.quick else 100_000
    starts = np.random.default_rng(settings.seed).uniform(0, 1, STARTS)
    curves = Curves("paths", "optimizer", "start", "iteration", "x")
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    rows = []
    bar = progress.bar("toy", len(OPTIMIZERS))
    for pairing in OPTIMIZERS.values():
        x = starts[:1].copy()
        optimizer = pairing.optimizer(x, lr=LR)
        path = [float(x[0])]
        for _ in range(most):
            optimizer.step(3 * x**2 - 6 * x)
            path.append(float(x[0]))
        axes.plot(path, **style(pairing.title))
        curves.add(pairing.title, float(starts[0]), np.arange(len(path)), path)
        rows.append((pairing.title, f"{path[-1]:.12g}"))
        bar.advance()
    axes.set(xscale="symlog", xlabel="iteration", ylabel="x")
    axes.legend()
    text = markdown_table(("optimizer", "x at the end"), rows)
    return Findings(text, [Picture("paths", figure, "Paths to 2.")], [curves])
