"""The picture: what a step takes by the model, on one machine and on thousands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from instep.bench import pictures
from instep.bench.processes.cluster import WAYS, Cluster
from instep.bench.processes.cluster_tables import ELEMENTS
from instep.bench.processes.tables import largest
from instep.bench.units import duration, significant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from instep.bench.pictures import Style
    from instep.bench.processes.results import ProcessResults

MACHINES = (1, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 320, 500, 800, 1250)

LOOKS: tuple[Style, ...] = (
    pictures.FLOOR | {"linestyle": "--"},
    pictures.OWN,
    {"color": pictures.OWN["color"], "linestyle": ":", "linewidth": 2.2},
    {"color": pictures.COLOURS[0], "marker": "s", "markersize": 4},
    {"color": pictures.COLOURS[1], "marker": "^", "markersize": 4},
    {"color": pictures.COLOURS[4], "marker": "D", "markersize": 4},
)


def draw(results: ProcessResults, cluster: Cluster) -> Figure:
    """Draw a panel for each number of elements, with a line for each way to cut a step."""
    job = largest(results).job
    titles = {f"$10^{{{len(str(n)) - 1}}}$ elements": n for n in ELEMENTS}
    figure, axes = pictures.panels(results.machine, list(titles), len(titles))
    for title, elements in titles.items():
        this = replace(job, elements=elements)
        for (name, way), look in zip(WAYS.items(), LOOKS, strict=True):
            steps = [way(this, machines, cluster).total for machines in MACHINES]
            ns = [seconds / elements * 1e9 for seconds in steps]
            axes[title].plot(MACHINES, ns, label=name, **look)
        axes[title].set(xscale="log", yscale="log")
    card = cluster.card
    figure.supxlabel(
        f"machines, of {cluster.per_machine} processes each or of one; assumed between them: "
        f"{significant(card.bytes_per_second / 1e9)} GB/s, {duration(card.latency)} a message"
    )
    figure.supylabel("a step by the model: ns per element")
    pictures.add_legend(figure, WAYS)
    return figure
