"""How long a saddle holds an optimizer that starts close to the ridge, at one rate for all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from instep.study.landscapes.surfaces import saddle_gradient
from instep.study.optimizers import at_one_rate
from instep.study.report.findings import Curves, Findings, Picture
from instep.study.report.styles import style
from instep.study.report.words import listed, markdown_table, number, spoken

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    import instep
    from instep.study.arrays import Doubles
    from instep.study.progress import Progress

Times: TypeAlias = NDArray[np.int64]

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

FLAT = 1.0
"""Fewer iterations more than this for a tenth of the distance count as none."""


def escape_times(
    optimizer: Callable[..., instep.Optimizer],
    distances: Doubles,
    direction: tuple[float, float],
    limit: int,
) -> Times:
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


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Measure all optimizers on ridges of all directions."""
    distances = np.array([10.0**-power for power in range(1, 13, 3 if settings.quick else 1)])
    limit = 5000 if settings.quick else 30_000
    curves = Curves("escapes", "ridge", "optimizer", "distance", "iterations")
    optimizers = at_one_rate(LR)
    bar = progress.bar("saddle", len(DIRECTIONS) * len(optimizers))
    found: dict[str, dict[str, Times]] = {}
    for ridge, direction in DIRECTIONS.items():
        found[ridge] = {}
        for title, optimizer in optimizers.items():
            times = escape_times(optimizer, distances, direction, limit)
            found[ridge][title] = times
            shown = [str(time) if time <= limit else "" for time in times]
            curves.add(ridge, title, distances, shown)
            bar.advance(note=f"{ridge}, {title}")
    return Findings(_text(distances, found, limit), [_picture(distances, found, limit)], [curves])


def _picture(distances: Doubles, found: dict[str, dict[str, Times]], limit: int) -> Picture:
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


def _text(distances: Doubles, found: dict[str, dict[str, Times]], limit: int) -> str:
    problem = (
        f"The same saddle; the start is at {ALONG:g} along the ridge, where the gradient leads "
        f"into the saddle, and {number(distances[0])} to {number(distances[-1])} beside it. Every "
        f"optimizer has the rate {LR} (Adadelta also its default, 1), and has left when it is "
        f"{ESCAPED:g} away from the ridge. Since all rules but SGD's depend on the axes, the "
        "saddle is turned as well: the ridge lies along an axis, at 30° and at 45° to it. Dauphin "
        "et al. (2014) argue that saddles slow gradient descent down: its distance from the ridge "
        "grows by the factor 1 + 2·lr a step, which makes ln 10 / ln(1 + 2·lr) = "
        f"{sgd_iterations_a_decade():.1f} more iterations for a tenth of the distance."
    )
    table = _table(distances, found, limit)
    heading = "### How long the saddle holds"
    return "\n\n".join((heading, problem, table, *_seen(distances, found, limit)))


def sgd_iterations_a_decade() -> float:
    """Return how many iterations longer SGD needs from a tenth of a small distance."""
    return math.log(10) / math.log1p(2 * LR)


def _table(distances: Doubles, found: dict[str, dict[str, Times]], limit: int) -> str:
    first, last = 0, len(distances) - 1
    columns = ["optimizer"]
    for ridge in found:
        columns += [f"{ridge}: from {number(distances[place])}" for place in (first, last)]
    rows = []
    for title in at_one_rate(LR):
        times = [found[ridge][title][place] for ridge in found for place in (first, last)]
        rows.append((title, *(f"{time:,}" if time <= limit else f"> {limit:,}" for time in times)))
    return markdown_table(columns, rows)


def _seen(distances: Doubles, found: dict[str, dict[str, Times]], limit: int) -> list[str]:
    near = -2 if len(distances) < 6 else -4
    decades = math.log10(distances[near] / distances[-1])
    paragraphs = []
    for ridge, times in found.items():
        gone = {title: time for title, time in times.items() if (time <= limit).all()}
        stuck = [spoken(title) for title in times if title not in gone]
        slopes = {title: float(time[-1] - time[near]) / decades for title, time in gone.items()}
        flat = [spoken(title) for title, slope in slopes.items() if slope < FLAT]
        steep = [
            f"{spoken(title)} ({slope:.3g})" for title, slope in slopes.items() if slope >= FLAT
        ]
        sentences = []
        if flat:
            sentences.append(
                f"Near the ridge it hardly matters how near (less than {FLAT:g} iteration more "
                f"for a tenth of the distance) for {listed(flat)}."
            )
        if steep:
            sentences.append(
                "For a tenth of the distance as many iterations more as is given in brackets "
                f"(between {number(distances[near])} and {number(distances[-1])}) need "
                f"{listed(steep)}."
            )
        if stuck:
            sentences.append(
                f"From some of the starts, {listed(stuck)} had not left after {limit:,} iterations."
            )
        last = {title: time[-1] for title, time in times.items()}
        fastest = min(last, key=lambda title: last[title])
        slower = [spoken(title) for title in last if last[title] > last["SGD"]]
        sentences.append(
            f"From {number(distances[-1])}, {spoken(fastest)} leaves first ({last[fastest]:,})"
            + (f"; slower than plain SGD {_are(slower)} {listed(slower)}." if slower else ".")
        )
        earlier = [spoken(title) for title, time in gone.items() if time[-1] < 0.9 * time[0]]
        if earlier:
            sentences.append(
                "The start that is closest to the ridge leaves sooner than the one that is "
                f"farthest from it with {listed(earlier)}."
            )
        paragraphs.append(f"Ridge {ridge}: {' '.join(sentences)}")
    paragraphs.append(
        "Why: the first step of a rule that divides by the gradient's own size is as large for a "
        "tiny gradient as for a large one, in every coordinate. Along an axis that leads away from "
        "the ridge at once. Across the axes the larger gradient, along the ridge, sets the sizes: "
        "at 30° the two coordinates are scaled differently, and the step leaves the ridge whatever "
        "the distance was; at 45° both gradients are alike, so the scaled step points along the "
        "ridge too, and the distance can only grow from what it was, as with plain SGD, at another "
        "rate. One rate for all does not mean the same to all: a longer wait may be a smaller "
        "step."
    )
    return paragraphs


def _are(titles: list[str]) -> str:
    return "is" if len(titles) == 1 else "are"
