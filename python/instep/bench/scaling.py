"""The picture of threads: how many times as fast a step is with more of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from instep.bench import pictures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from instep.bench.cases import Case
    from instep.bench.results import Measurement, Results


def draw(results: Results) -> Figure:
    """Draw a panel for the largest array of each kind of case, with a line for each contender."""
    most = results.machine["instep"]["num_threads"]
    kinds: dict[str, dict[int, Measurement]] = {}
    largest = max(each.case.elements for each in results.measurements if _one_array(each.case))
    for each in results.measurements:
        if _one_array(each.case) and each.case.elements == largest:
            kind = str(dataclasses.replace(each.case, threads=None))
            kinds.setdefault(kind, {})[each.case.threads or most] = each
    looks = pictures.styles(results.measurements)
    figure, axes = pictures.panels(results.machine, list(kinds), pictures.COLUMNS)
    for kind, by_threads in kinds.items():
        threads = sorted(by_threads)
        one = [count / threads[0] for count in threads]
        axes[kind].plot(threads, one, color="0.8", linewidth=4, zorder=0, label="in proportion")
        axes[kind].set_xticks(threads)
        for name, look in looks.items():
            counts, speeds = _speeds(by_threads, name)
            if counts:
                axes[kind].plot(counts, speeds, label=name, **look)
    figure.supxlabel("threads")
    figure.supylabel("times as fast as with the fewest threads")
    pictures.add_legend(figure, [*looks, "in proportion"])
    return figure


def _one_array(case: Case) -> bool:
    return len(case.sizes) == 1


def _speeds(by_threads: Mapping[int, Measurement], name: str) -> tuple[list[int], list[float]]:
    counts = [count for count in sorted(by_threads) if name in by_threads[count].timings]
    seconds = [by_threads[count].seconds(name) for count in counts]
    return counts, [seconds[0] / each for each in seconds]
