"""Pictures of the loss around the points that were found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from instep.study.report.findings import Picture
from instep.study.report.styles import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.loss_surface.slices import Slice

SMALLEST_LEVEL, LARGEST_LEVEL = 1e-4, 1e4
COLUMNS = 3

SQUARES_CAPTION = (
    "The training loss in a plane through the point that each optimizer found (white cross), the "
    "same levels everywhere. At distance 1 the noise on a filter is as long as the filter itself. "
    "A wide dark basin: the loss hardly minds when the weights are disturbed."
)
LINES_CAPTION = (
    "The training loss along the first of the two directions, through the points that the "
    "optimizers found (distance 0)."
)


def draw_squares(slices: Sequence[Slice]) -> Picture:
    """Draw a panel of contours for each optimizer, all with the same levels."""
    rows = -(-len(slices) // COLUMNS)
    figure = Figure(figsize=(10.5, 3.2 * rows + 0.2), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    levels = common_levels(slices)
    for axes in panels.flat[len(slices) :]:
        axes.remove()
    for axes, found in zip(panels.flat, slices, strict=False):
        losses = visible(found.losses, levels)
        filled = axes.contourf(
            *(found.square, found.square, losses),
            levels=levels,
            norm=LogNorm(levels[0], levels[-1]),
            cmap="viridis",
        )
        axes.contour(
            *(found.square, found.square, losses), levels=levels, colors="black", linewidths=0.4
        )
        axes.plot(0, 0, "+", color="white", markersize=9)
        axes.set_title(f"{found.outcome.pairing.title}, learning rate {found.outcome.lr:g}")
        axes.set_aspect("equal")
    for axes in panels[-1]:
        axes.set_xlabel("along the first direction")
    for axes in panels[:, 0]:
        axes.set_ylabel("along the second")
    bar = figure.colorbar(
        filled,
        ax=list(panels.flat[: len(slices)]),
        label="training loss (cross-entropy)",
        shrink=0.9,
    )
    bar.set_ticks(levels, labels=[f"{level:g}" for level in levels])
    return Picture("squares", figure, SQUARES_CAPTION)


def common_levels(slices: Sequence[Slice]) -> list[float]:
    """Return levels of 1 and 3 times powers of ten around all losses, two at least."""
    losses = np.concatenate([found.losses.ravel() for found in slices])
    finite = losses[np.isfinite(losses)]
    least = max(finite.min(initial=LARGEST_LEVEL), SMALLEST_LEVEL)
    most = min(finite.max(initial=least), LARGEST_LEVEL)
    powers = range(int(np.log10(least)) - 2, int(np.log10(most)) + 2)
    series = [float(f"{digit}e{power}") for power in powers for digit in (1, 3)]
    first = max(level for level in series if level <= least)
    last = min(level for level in series if level > most)
    return [level for level in series if first <= level <= last]


def visible(losses: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return the losses with those beyond the levels, and infinite ones, at the outer levels."""
    clipped: np.ndarray = np.clip(np.nan_to_num(losses, nan=np.inf), levels[0], levels[-1])
    return clipped


def draw_lines(slices: Sequence[Slice]) -> Picture:
    """Draw the losses along the first direction, all in one panel."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for found in slices:
        look = style(found.outcome.pairing.title)
        axes.plot(found.line, found.losses_on_line, **look, linewidth=1.8)
    axes.set(
        xlabel="distance along the first direction (in lengths of the filters)",
        ylabel="training loss (cross-entropy)",
        yscale="log",
    )
    axes.margins(x=0)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center")
    return Picture("lines", figure, LINES_CAPTION)
