"""The picture of times: nanoseconds an element against elements, above the floors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.bench import pictures
from instep.bench.own import INSTEP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from instep.bench.pictures import Style
    from instep.bench.results import Measurement, Results


def draw(results: Results) -> Figure:
    """Draw a panel for each kind of case, with a line for each contender.

    Cases of several arrays are left out: 200 arrays of 1,000 elements are not one of 200,000.
    """
    measurements = [each for each in results.measurements if len(each.case.sizes) == 1]
    kinds: dict[str, list[Measurement]] = {}
    for each in sorted(measurements, key=lambda each: each.case.elements):
        kinds.setdefault(each.case.kind, []).append(each)
    order = dict.fromkeys(each.case.kind for each in measurements)
    # A row for each rule, where that makes a picture neither too wide nor too narrow.
    of_a_rule = len(order) // len({each.case.rule.name for each in measurements})
    in_a_row = of_a_rule if 1 < of_a_rule <= 4 else pictures.COLUMNS
    figure, axes = pictures.panels(results.machine, list(order), in_a_row)
    looks = pictures.styles(measurements)
    for kind in order:
        axes[kind].set(xscale="log", yscale="log")
        axes[kind].minorticks_off()
        _draw_lines(axes[kind], kinds[kind], looks)
    note = " (cases of several arrays are left out)"
    left_out = len(measurements) < len(results.measurements)
    figure.supxlabel(f"elements{note if left_out else ''}")
    figure.supylabel("time of a step: ns per element")
    pictures.add_legend(figure, looks)
    return figure


def _draw_lines(axes: Axes, measurements: list[Measurement], looks: dict[str, Style]) -> None:
    for name, look in looks.items():
        measured = [each for each in measurements if name in each.timings]
        if measured:
            elements = [each.case.elements for each in measured]
            times = [each.ns_per_element(name) for each in measured]
            axes.plot(elements, times, label=name, **look)
    elements = [each.case.elements for each in measurements]
    quartiles = [each.timings[INSTEP.name].seconds for each in measurements]
    axes.fill_between(
        elements,
        [each.lower / n * 1e9 for each, n in zip(quartiles, elements, strict=True)],
        [each.upper / n * 1e9 for each, n in zip(quartiles, elements, strict=True)],
        color=looks[INSTEP.name]["color"],
        alpha=0.25,
        linewidth=0,
        label=f"{INSTEP.name}'s quartiles",
    )
