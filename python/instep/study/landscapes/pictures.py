"""Pictures of descents, over contour lines and as losses, and of escapes from a saddle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from instep.study.landscapes.saddle_escape import ESCAPED
from instep.study.report.findings import Picture
from instep.study.report.iterations import from_the_start
from instep.study.report.styles import style
from instep.study.report.words import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.arrays import Doubles
    from instep.study.landscapes.descents import Descent
    from instep.study.landscapes.saddle_escape import Escapes
    from instep.study.landscapes.surfaces import Surface

LEAST_LOSS = 1e-16
"""Where smaller losses are drawn on a logarithmic axis."""


def draw_paths(surface: Surface, descents: Sequence[Descent]) -> Picture:
    """Draw the paths on a surface over its contour lines."""
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.subplots()
    left, right, bottom, top = surface.view
    x, y = np.meshgrid(np.linspace(left, right, 300), np.linspace(bottom, top, 300))
    loss = surface.loss(x, y)
    levels = np.geomspace(loss.max() * 1e-4, loss.max(), 12)
    axes.contour(x, y, loss, levels=levels, colors="0.75", linewidths=0.6, zorder=0)
    # What lies on one line or ends in one place is drawn in layers, the first the widest.
    widths = np.linspace(3.5, 1.2, len(descents))
    for descent, width in zip(descents, widths, strict=True):
        drawn = style(descent.title) | {"label": f"{descent.title} (lr {descent.lr:g})"}
        axes.plot(*descent.path.T, **drawn, lw=width)
        colour = drawn["color"]
        axes.plot(*descent.path[-1], "o", color=colour, ms=4 * width, mec="white", zorder=4)
    axes.plot(*surface.start, "ks", ms=7, label="start", zorder=5)
    axes.plot(*surface.minima.T, "k*", ms=9, mew=0.5, mec="white", ls="", label="minimum", zorder=6)
    axes.set(xlabel="x", ylabel="y", xlim=(left, right), ylim=(bottom, top), title=surface.title)
    figure.legend(loc="outside right upper")
    outside = _outside(surface, descents)
    return Picture(
        surface.name,
        figure,
        f"{len(descents[0].losses) - 1:,} iterations of each optimizer on {_lower(surface.title)}, "
        "each at its best rate. Dots: where the paths end. Wide below narrow where paths coincide. "
        f"Grey: contour lines, at even distances of the loss's logarithm.{outside}",
    )


def draw_losses(found: Sequence[tuple[Surface, Sequence[Descent]]]) -> Picture:
    """Draw the loss of each descent against the iteration, in a panel for each surface."""
    figure = Figure(figsize=(8.5, 5.8), layout="constrained")
    for axes, (surface, descents) in zip(figure.subplots(2, 2).flat, found, strict=True):
        for descent in descents:
            rows = from_the_start(len(descent.losses) - 1, 300)[1:]
            shown = np.maximum(descent.losses[rows], LEAST_LOSS)
            named = surface is found[0][0]
            axes.plot(rows, shown, lw=1, **style(descent.title, named=named))
        axes.set(xscale="log", yscale="log", title=surface.title)
        axes.set(xlabel="iteration", ylabel="loss above the minimum", xlim=(1, rows[-1]))
        axes.grid(alpha=0.2)
    figure.legend(loc="outside lower center", ncols=4)
    return Picture(
        "losses",
        figure,
        f"The loss of the same descents. What is less than {number(LEAST_LOSS)} is drawn there.",
    )


def draw_escapes(distances: Doubles, found: Escapes, limit: int) -> Picture:
    """Draw the time to leave a ridge against the distance from it, a panel for each ridge."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    panels = figure.subplots(1, len(found), sharey=True)
    for axes, (ridge, times) in zip(panels, found.items(), strict=True):
        for title, time in times.items():
            drawn = style(title, named=ridge == next(iter(found)))
            axes.plot(distances, np.where(time <= limit, time, np.nan), "o", ms=3, **drawn)
        axes.set(xscale="log", yscale="log", title=f"ridge {ridge}", xlim=(0.3, 3e-13))
        axes.grid(alpha=0.2)
    panels[0].set_ylabel("iterations until it has left")
    panels[len(panels) // 2].set_xlabel("distance from the ridge at the start")
    figure.legend(loc="outside lower center", ncols=5)
    return Picture(
        "escapes",
        figure,
        f"Iterations until the path is {ESCAPED:g} away from the ridge of a saddle, from starts "
        "ever closer to the ridge. Where a line ends, the optimizer had not left after "
        f"{limit:,} iterations.",
    )


def _outside(surface: Surface, descents: Sequence[Descent]) -> str:
    left, right, bottom, top = surface.view
    low, high = np.array([left, bottom]), np.array([right, top])
    gone = [
        descent.title
        for descent in descents
        if ((descent.path < low) | (descent.path > high)).any()
    ]
    return f" Beyond the edges at times: {'; '.join(gone)}." if gone else ""


def _lower(title: str) -> str:
    return title[0].lower() + title[1:] if title.startswith("A ") else title
