"""Pictures of standstill, and of training with what is stored in 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from instep.study.handwriting.training import CHANCE
from instep.study.report.findings import Picture
from instep.study.report.words import capitalised
from instep.study.sixteen_bits.combinations import COMBINATIONS, SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from instep.study.sixteen_bits.standing_still import Walk
    from instep.study.sixteen_bits.training import Run

# Black for what the others are held against, then Okabe and Ito's, as in all pictures of the study:
# the first of these for what is rounded to nearest, the second for what is stochastically.
COLOURS = ("black", "#D55E00", "#0072B2", "#009E73", "#CC79A7")
WIDTHS = (3.5, 1.6, 1.6, 1.6, 1.6)
"""The first shows below what lies on it."""

HIGHEST = 1.5 * CHANCE
"""What is above is out of view: the losses of a combination that goes astray."""


def draw_standing_still(weights: Sequence[Walk], mean_squares: Sequence[Walk]) -> Picture:
    """Draw the ways of a weight and of a mean of squares, however they are stored."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, walks in ((left, weights), (right, mean_squares)):
        for walk, colour, width in zip(walks, COLOURS, WIDTHS, strict=False):
            axes.plot(walk.values, color=colour, label=walk.title, linewidth=width)
        axes.set(xlabel="step")
        _finish(axes)
    left.set(title="A weight of 1, learning rate 0.001", ylabel="weight")
    right.set(
        title="Mean of squares, β₂ = 0.999: gradients of 1, then of 0.1",
        ylabel="exp_avg_sq",
        yscale="log",
        ylim=(3e-3, 2),
    )
    caption = (
        "Stored in bfloat16, rounded to nearest, the weight never moves, as half the distance to "
        "the next smaller number is 0.002; and the mean of squares neither gets to 1 nor down to "
        "0.01 again. Rounded stochastically, both go where float32 goes."
    )
    return Picture("standing-still", figure, caption)


def draw_losses(runs: Sequence[Run], source: str) -> Picture:
    """Draw the median loss over the seeds and the range of all, a panel for each subject."""
    figure = Figure(figsize=(13, 5), layout="constrained")
    panels = figure.subplots(1, len(SUBJECTS), sharey=True)
    steps = runs[0].epoch_ends
    lowest = min(min(run.losses) for run in runs if run.combination is COMBINATIONS[0])
    for axes, subject in zip(panels, SUBJECTS, strict=True):
        here = [each for each in COMBINATIONS if each.subject in ("", subject)]
        for combination, colour, width in zip(here, COLOURS, WIDTHS, strict=False):
            losses = np.array([run.losses for run in runs if run.combination is combination])
            least, most = losses.min(axis=0), losses.max(axis=0)
            axes.fill_between(steps, least, most, color=colour, alpha=0.15, linewidth=0)
            astray = "" if np.all(losses[:, -1] < losses[:, 0]) else ": astray"
            axes.plot(
                steps,
                np.median(losses, axis=0),
                color=colour,
                label=f"{combination.title}{astray}",
                linewidth=width,
            )
        axes.set(title=f"{capitalised(subject)} in 16 bits", xlabel="iteration", yscale="log")
        axes.set_ylim(lowest / 1.5, HIGHEST)
        _finish(axes)
    panels[0].set_ylabel("loss on the training part")
    figure.suptitle(source)
    caption = (
        "Loss on all of the training part, the median over the seeds and the range of all. What "
        "cannot be told apart from float32 lies on its line."
    )
    return Picture("losses", figure, caption)


def _finish(axes: Axes) -> None:
    axes.margins(x=0)
    axes.grid(alpha=0.3)
    axes.legend()
