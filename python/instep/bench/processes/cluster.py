"""Ways to cut a step among many machines, by the model; `instep.mpi.Sharded` is the first."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instep.bench.processes.model import (
    Link,
    Step,
    added,
    exchange,
    own_share,
    rounds,
    stages,
)
from instep.bench.processes.model import over_all as over_all_alike

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from instep.bench.processes.model import Job, Speeds


@dataclass(frozen=True)
class Cluster:
    """Machines alike."""

    per_machine: int
    """Processes of each."""
    inside: Link
    """Of a process, to those of its machine."""
    card: Link
    """Of a machine, to the other machines; its processes share it."""
    speeds: Speeds

    @property
    def part_of_card(self) -> Link:
        """What a process has of the card while all send."""
        return Link(self.card.latency, self.card.bytes_per_second / self.per_machine)


def over_all(job: Job, machines: int, cluster: Cluster) -> Step:
    """ZeRO-1 over all processes, as if they were all alike: `instep.mpi.Sharded`.

    Each process sends its gradients to all others by itself. Parameters go around a ring, at the
    pace of its slowest link; a machine's card carries each of them once.
    """
    if machines == 1:
        inside = cluster.inside
        return over_all_alike(job, cluster.per_machine, inside, inside, cluster.speeds)
    ring = cluster.card
    if cluster.per_machine > 1:
        ring = Link(ring.latency, min(ring.bytes_per_second, cluster.inside.bytes_per_second))
    processes = machines * cluster.per_machine
    return over_all_alike(job, processes, cluster.part_of_card, ring, cluster.speeds)


def hierarchical(job: Job, machines: int, cluster: Cluster) -> Step:
    """ZeRO-1 over all, in two stages: within each machine, then each share between machines."""
    processes = machines * cluster.per_machine
    share = own_share(job, processes, processes, cluster.card.latency, cluster.speeds)
    return share | _two_stages(job, machines, cluster)


def in_groups(job: Job, machines: int, cluster: Cluster, group: int = 1) -> Step:
    """ZeRO-1 within groups of so many machines; between them the sums of shares are added up."""
    cut_into = group * cluster.per_machine
    processes = machines * cluster.per_machine
    share = own_share(job, cut_into, processes, cluster.card.latency, cluster.speeds)
    across = _all_reduce(_part(job, cut_into), machines // group, cluster)
    return share | _two_stages(job, group, cluster) | across


def nothing_cut(job: Job, machines: int, cluster: Cluster) -> Step:
    """Every process steps everything: gradients are added up in groups of a machine each."""
    grouped = in_groups(job, machines, cluster)
    processes = machines * cluster.per_machine
    whole = own_share(job, 1, processes, cluster.card.latency, cluster.speeds)
    return grouped._replace(rule=whole.rule)


def over_all_in_large_buckets(job: Job, machines: int, cluster: Cluster) -> Step:
    """ZeRO-1 over all processes, each of which sends at once as much as it may."""
    return over_all(dataclasses.replace(job, bucket_bytes=2**30), machines, cluster)


def one_of_each(job: Job, machines: int, cluster: Cluster) -> Step:
    """ZeRO-1 over machines with a process each, which has the speed of one of many here."""
    return over_all(job, machines, dataclasses.replace(cluster, per_machine=1))


GROUPS = "groups of a machine"

WAYS: Mapping[str, Callable[[Job, int, Cluster], Step]] = {
    "nothing cut": nothing_cut,
    "over all": over_all,
    "over all, buckets of 1 GiB": over_all_in_large_buckets,
    "hierarchical": hierarchical,
    GROUPS: in_groups,
    "one process a machine": one_of_each,
}


def stops_paying(
    way: str, job: Job, cluster: Cluster, counts: Sequence[int], other: str = GROUPS
) -> int | None:
    """Return the fewest machines, of these numbers, from which the other way is always faster."""
    stopped = None
    for machines in sorted(counts):
        slower = WAYS[way](job, machines, cluster).total > WAYS[other](job, machines, cluster).total
        stopped = (stopped or machines) if slower else None
    return stopped


def _two_stages(job: Job, machines: int, cluster: Cluster) -> Step:
    inside, card, speeds = cluster.inside, cluster.part_of_card, cluster.speeds
    within = exchange(job, cluster.per_machine, inside, inside, speeds)
    if machines == 1:
        return within
    return within | exchange(_part(job, cluster.per_machine), machines, card, card, speeds)


def _all_reduce(job: Job, groups: int, cluster: Cluster) -> Step:
    """Return what it takes to add up a share of each group, in every group."""
    if groups == 1:
        return Step()
    in_all = job.elements * job.grad_bytes
    card = cluster.part_of_card
    messages = 2 * stages(groups) * rounds(in_all, job.bucket_bytes)
    return Step(
        gradients=messages * card.latency
        + 2 * (groups - 1) / groups * in_all / card.bytes_per_second,
        adding=added(groups) * in_all / cluster.speeds.add,
    )


def _part(job: Job, of: int) -> Job:
    return dataclasses.replace(job, elements=job.elements / of)
