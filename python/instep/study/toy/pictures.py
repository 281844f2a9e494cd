"""Pictures of the paths on the cubic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from instep.study.report.findings import Picture
from instep.study.report.iterations import from_the_start
from instep.study.report.styles import style
from instep.study.report.words import number
from instep.study.toy.outcomes import MINIMUM, TOLERANCE
from instep.study.toy.repetition import LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from instep.study.toy.outcomes import Outcome

EXACT = 1e-17
"""Where a distance of 0 is drawn on a logarithmic axis. No other is less than 2.2e-16."""


def draw_paths(outcomes: Sequence[Outcome]) -> Picture:
    """Draw x against the iteration."""
    figure = Figure(figsize=(8.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for found in outcomes:
        path = found.record.positions
        rows = from_the_start(found.record.iterations)
        bold = path.shape[1] // 2
        axes.plot(rows, path[rows], lw=0.6, alpha=0.35, **style(found.title, named=False))
        axes.plot(rows, path[rows, bold], lw=2, **style(found.title))
    axes.axhline(MINIMUM, color="0.5", lw=0.8, zorder=0)
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)
    axes.set(xlabel="iteration", ylabel="x", xlim=(0, outcomes[0].record.iterations))
    axes.grid(alpha=0.2)
    figure.legend(loc="outside right upper")
    return Picture(
        "paths",
        figure,
        "x against the iteration: bold from the middle one of the five starts, thin from all. The "
        "grey line is the minimum.",
    )


def draw_distances(outcomes: Sequence[Outcome]) -> Picture:
    """Draw the distance from the minimum, in a panel for each optimizer."""
    columns = 3
    figure = Figure(figsize=(9, 7), layout="constrained")
    grid = figure.subplots(-(-len(outcomes) // columns), columns, sharex=True, sharey=True)
    for axes, found in zip(grid.flat, outcomes, strict=False):
        shown = np.maximum(found.distances, EXACT)
        rows = from_the_start(found.record.iterations)[1:]
        bold = shown.shape[1] // 2
        axes.plot(rows, shown[rows], lw=0.6, alpha=0.5, **style(found.title, named=False))
        axes.plot(rows, shown[rows, bold], lw=1.6, **style(found.title, named=False))
        ended = [ending.how != LIMIT for ending in found.endings]
        ends = np.array([ending.iteration for ending in found.endings])[ended]
        at = np.maximum(found.at_ending, EXACT)[ended]
        axes.plot(ends, at, "o", ms=4, mfc="white", mec="black", zorder=5)
        axes.set_title(found.title, fontsize=10)
        _distance_axis(axes)
        axes.set_xscale("log")
    figure.supxlabel("iteration", fontsize=10)
    figure.supylabel("|x − 2|", fontsize=10)
    return Picture(
        "distances",
        figure,
        "Distance from the minimum, all five starts (bold: the middle one). Circles: where a step "
        f"first changed x by less than {number(TOLERANCE)} of itself, or x repeated; the search "
        "would end there.",
    )


def draw_last_iterations(outcomes: Sequence[Outcome], shown: int = 200) -> Picture:
    """Draw the last iterations, and those after a push by the smallest amount that there is."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    last, pushed = figure.subplots(1, 2, sharey=True)
    iterations = outcomes[0].record.iterations
    for found in outcomes:
        rows = np.arange(iterations - shown, iterations + 1)
        bold = int(found.lasting.argmax())
        last.plot(rows, np.maximum(found.distances[rows, bold], EXACT), **style(found.title))
        if found.pushed.size:
            after = found.after_push[:, found.pushed.argmax()]
            pushed.plot(np.maximum(after, EXACT), **style(found.title, named=False))
    last.set(title=f"the last {shown} iterations", xlabel="iteration", ylabel="|x − 2|")
    last.xaxis.set_major_formatter("{x:,.0f}")
    last.locator_params(axis="x", nbins=4)
    pushed.set(title="after a push to the next float64", xlabel="iteration after the push")
    pushed.set_xlim(0, shown)
    for axes in (last, pushed):
        _distance_axis(axes)
    figure.legend(loc="outside right upper")
    return Picture(
        "last",
        figure,
        "Distance from the minimum of the start that ends farthest from it: over the last "
        "iterations (left; what rests at the same distance is drawn as one line), and after x was "
        "moved from its rest to the next larger float64 (right).",
    )


def _distance_axis(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.set_ylim(EXACT / 4, 8)
    powers = range(-15, 1, 3)
    axes.set_yticks([EXACT, *(10.0**power for power in powers)])
    axes.set_yticklabels(["0", *(f"$10^{{{power}}}$" for power in powers)])
    axes.grid(alpha=0.2)
