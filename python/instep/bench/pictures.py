"""What the pictures share: panels, and how the line of each contender looks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from instep.bench.own import INSTEP
from instep.bench.results import FLOOR_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

    from instep.bench.results import Measurement

Style = dict[str, Any]

COLUMNS = 3
"""Panels in a row, where nothing else decides."""

COLOURS = ("#1f77b4", "#ff7f0e", "#17becf", "#9467bd", "#2ca02c", "#8c564b", "#bcbd22", "#e377c2")
"""Of a family: the contenders whose names begin with the same word."""

MARKERS = ("s", "^", "D", "v", "P")
"""Of the members of a family."""

OWN: Style = {
    "color": "#d62728",
    "marker": "o",
    "markersize": 5.5,
    "linewidth": 2.2,
    "zorder": 4,
}

FLOOR: Style = {"color": "0.45", "linewidth": 1.5, "zorder": 2}


def styles(measurements: Iterable[Measurement]) -> dict[str, Style]:
    """Return how to draw each contender, in the order of the legend."""
    present = dict.fromkeys(name for each in measurements for name in each.timings)
    looks: dict[str, Style] = {INSTEP.name: OWN}
    families: dict[str, int] = {}
    for name in present:
        if name not in (INSTEP.name, *FLOOR_NAMES):
            family = re.split(r"\W", name)[0]
            families[family] = families.get(family, -1) + 1
            looks[name] = {
                "color": COLOURS[list(families).index(family) % len(COLOURS)],
                "marker": MARKERS[families[family] % len(MARKERS)],
                "markersize": 4.5,
                "linewidth": 1,
                "alpha": 0.85,
                "zorder": 3,
            }
    floors = zip(FLOOR_NAMES, ("--", ":"), strict=True)
    looks |= {name: FLOOR | {"linestyle": dash} for name, dash in floors if name in present}
    return looks


def panels(
    machine: Mapping[str, Any], titles: Sequence[str], in_a_row: int
) -> tuple[Figure, Mapping[str, Axes]]:
    """Return a figure about a machine with a panel for each title."""
    columns = min(in_a_row, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(3.8 * columns + 1.8, 3.4 * rows + 0.8), dpi=150, layout="constrained")
    figure.suptitle(f"{machine['processor']}, {machine['cores']} cores")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel().tolist()
    axes: dict[str, Axes] = dict(zip(titles, grid, strict=False))
    for title, each in axes.items():
        each.set_title(title, fontsize="medium")
        each.grid(alpha=0.25)
    for unused in grid[len(titles) :]:
        figure.delaxes(unused)
    return figure, axes


def add_legend(figure: Figure, names: Iterable[str]) -> None:
    """Put the names outside the panels, in the order given."""
    lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    shown = [name for name in names if name in lines]
    figure.legend([lines[name] for name in shown], shown, loc="outside right upper", frameon=False)
