"""What the model says of many machines, as tables."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from instep.bench.processes.cluster import GROUPS, WAYS, stops_paying
from instep.bench.processes.model import most_elements
from instep.bench.processes.tables import table_of
from instep.bench.units import duration, significant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from instep.bench.processes.cluster import Cluster
    from instep.bench.processes.model import Job
    from instep.bench.tables import Table

ELEMENTS = (10**6, 10**9, 10**12)
MACHINES = (1, 10, 125, 1250)

HOSTS = (512, 1024, 2048)
"""Gigabytes of memory of a machine."""


def cluster_tables(job: Job, cluster: Cluster) -> Iterator[Table]:
    """Yield what each way to cut a step takes, until where it pays, and what fits a machine."""
    inside, card = cluster.inside, cluster.card
    yield table_of(
        f"on many machines, by the model: {cluster.per_machine} processes of each, which reach one "
        f"another with {significant(inside.bytes_per_second / 1e9)} GB/s each, as measured here; "
        f"assumed of the network: {significant(card.bytes_per_second / 1e9)} GB/s for a machine, "
        f"{duration(card.latency)} for a message",
        tuple(WAYS),
        [_times(job, n, machines, cluster) for n in ELEMENTS for machines in MACHINES],
    )
    compared = [way for way in WAYS if way not in (GROUPS, "nothing cut")]
    yield table_of(
        f"the fewest machines from which {GROUPS} are faster, up to {MACHINES[-1]:,}",
        compared,
        [_ends(replace(job, elements=n), n, compared, cluster) for n in ELEMENTS],
    )
    cuts = [*itertools.product((1, cluster.per_machine), (1, cluster.per_machine, 10_000))]
    yield table_of(
        "how many elements fit the memory of a machine",
        [
            f"{processes} process{'es' if processes > 1 else ''}, states "
            + (f"cut among {cut:,}" if cut > 1 else "not cut")
            for processes, cut in cuts
        ],
        [
            (
                f"{gigabytes:,} GB",
                *(
                    scientific(most_elements(gigabytes * 1e9 / processes, job, cut))
                    for processes, cut in cuts
                ),
            )
            for gigabytes in HOSTS
        ],
    )


def scientific(value: float, decimals: int = 1) -> str:
    """Return a number of elements in powers of ten."""
    return f"{value:.{decimals}e}".replace("e+0", "e").replace("e+", "e")


def _times(job: Job, elements: int, machines: int, cluster: Cluster) -> tuple[str, ...]:
    this = replace(job, elements=elements)
    times = (way(this, machines, cluster).total for way in WAYS.values())
    return f"{scientific(elements, 0)} elements, {machines:,}", *map(duration, times)


def _ends(job: Job, elements: int, ways: list[str], cluster: Cluster) -> tuple[str, ...]:
    counts = range(1, MACHINES[-1] + 1)
    ends = (stops_paying(way, job, cluster, counts) for way in ways)
    label = f"{scientific(elements, 0)} elements"
    return label, *("none" if end is None else f"{end:,}" for end in ends)
