"""What a step of several processes takes: a sum of few terms, from few constants.

Nothing is measured here, and nothing overlaps: messages, copies and arithmetic are added up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

BUCKETS = 4
"""Buckets that a process holds at most at a time."""


@dataclass(frozen=True)
class Job:
    """What is stepped."""

    elements: float
    step_bytes: float
    """Bytes of an element that the rule reads and writes in memory."""
    state_bytes: float
    """Bytes of the states of an element."""
    bucket_bytes: float
    """How much of the gradients a process sends at once."""
    grad_bytes: float = 4
    """Bytes of an element of a gradient, as it is sent."""
    param_bytes: float = 4


class Link(NamedTuple):
    """How messages reach other processes, while all send."""

    latency: float
    """Seconds of a message besides its bytes."""
    bytes_per_second: float
    """Of one process, in each direction."""


class Speeds(NamedTuple):
    """What each process does by itself, while the others of its machine do the same."""

    call: float
    """Seconds of a call that has nothing to step."""
    copy: float
    """Bytes copied in a second."""
    add: float
    """Bytes read or written in a second while gradients are added up."""
    step: float
    """Bytes read or written in a second by the rule."""


class Step(NamedTuple):
    """Seconds of a step."""

    call: float = 0.0
    agreement: float = 0.0
    gradients: float = 0.0
    adding: float = 0.0
    rule: float = 0.0
    parameters: float = 0.0
    copies: float = 0.0

    @property
    def total(self) -> float:
        """Of the whole step."""
        return sum(self)

    def __or__(self, other: Step) -> Step:
        """Return a step that does the one and then the other."""
        return Step(*map(sum, zip(self, other, strict=True)))


def rounds(bytes_in_all: float, bucket_bytes: float) -> int:
    """Return how many buckets there are."""
    return max(1, math.ceil(bytes_in_all / bucket_bytes))


def stages(processes: int) -> int:
    """Return how many messages follow one another until all know what each knew."""
    return max(1, math.ceil(math.log2(processes)))


def others(processes: int) -> float:
    """Return which part of its gradients a process sends away; one alone copies all to itself."""
    return (processes - 1) / processes if processes > 1 else 1.0


def added(processes: int) -> float:
    """Return how many elements are read or written to make the mean, for each of the gradients.

    Of a share, each gradient but the first is added to the sum (two reads and a write), and the
    sum is multiplied (a read and a write).
    """
    return (3 * (processes - 1) + 2) / processes


def exchange(
    job: Job,
    processes: int,
    gradients: Link,
    parameters: Link,
    speeds: Speeds,
    *,
    adds: bool = True,
) -> Step:
    """Return what it takes to bring gradients to those who step them, and parameters to all.

    A process sends each other one a message in each round, and MPI gathers parameters in
    ``log2(processes)`` stages. It copies its gradients before they are sent, its part of the sum,
    its parameters before they are sent, and what it gets of the others'; one alone copies what it
    would send. Where MPI adds up, it is part of what its messages take (``adds=False``).
    """
    if processes == 1:
        gradients = gradients._replace(bytes_per_second=speeds.copy)
        parameters = parameters._replace(bytes_per_second=speeds.copy)
    in_all = job.elements * job.grad_bytes
    buckets = rounds(in_all, job.bucket_bytes)
    params_in_all = job.elements * job.param_bytes
    copied = in_all * (1 + 1 / processes) + params_in_all
    return Step(
        gradients=buckets * max(1, processes - 1) * gradients.latency
        + others(processes) * in_all / gradients.bytes_per_second,
        adding=added(processes) * in_all / speeds.add if adds else 0.0,
        parameters=buckets * stages(processes) * parameters.latency
        + others(processes) * params_in_all / parameters.bytes_per_second,
        copies=copied / speeds.copy,
    )


def own_share(job: Job, cut_into: int, processes: int, latency: float, speeds: Speeds) -> Step:
    """Return what a call, the agreement of all and the rule take, with states cut so."""
    return Step(
        call=speeds.call,
        agreement=stages(processes) * latency if processes > 1 else 0.0,
        rule=job.elements / cut_into * job.step_bytes / speeds.step,
    )


def over_all(
    job: Job,
    processes: int,
    gradients: Link,
    parameters: Link,
    speeds: Speeds,
    *,
    adds: bool = True,
) -> Step:
    """Return what a step of `instep.mpi.Sharded` takes: each process steps a share of its own."""
    return own_share(job, processes, processes, parameters.latency, speeds) | exchange(
        job, processes, gradients, parameters, speeds, adds=adds
    )


def memory(job: Job, cut_into: int) -> float:
    """Return the bytes of a process: parameters, gradients, its share of states, and buckets."""
    of_an_element = job.param_bytes + job.grad_bytes + job.state_bytes / cut_into
    return job.elements * of_an_element + BUCKETS * job.bucket_bytes


def most_elements(bytes_there: float, job: Job, cut_into: int) -> float:
    """Return how many elements a process with so much memory can have."""
    of_an_element = job.param_bytes + job.grad_bytes + job.state_bytes / cut_into
    return (bytes_there - BUCKETS * job.bucket_bytes) / of_an_element
