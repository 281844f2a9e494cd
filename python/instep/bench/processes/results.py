"""What was measured of several processes, and the model's constants that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from instep.bench.processes.launch import SHARED_MEMORY, TCP
from instep.bench.processes.model import Job, Link, Speeds, Step, added, others, over_all, stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from instep.bench.cases import Case
    from instep.bench.results import Quartiles

REDUCTIONS: Mapping[str, str] = {"ordered": "all-to-all", "fast": "reduce-scatter"}
"""What `instep.mpi.Sharded` can be told, and the message by which each is done."""


@dataclass(frozen=True)
class Measured:
    """A case on so many processes."""

    case: Case
    processes: int
    seconds: Mapping[str, Quartiles]
    """Of whole steps, by their reductions, and of the parts."""
    message_bytes: int
    """What the parts send, add and copy at once."""
    bucket_bytes: int
    state_bytes: int
    """Of states on the process that has most."""
    loopback: float | None
    """Bytes through the loopback interface for each that was sent, where that can be known."""

    @property
    def job(self) -> Job:
        """The case as the model has it."""
        size = np.dtype(self.case.dtype).itemsize
        return Job(
            elements=self.case.elements,
            step_bytes=self.case.bytes_moved / self.case.elements,
            state_bytes=len(self.case.rule.states) * size,
            grad_bytes=size,
            param_bytes=size,
            bucket_bytes=self.bucket_bytes,
        )

    @property
    def speeds(self) -> Speeds:
        """What a process does by itself."""
        share = self.job.step_bytes * -(-self.case.elements // self.processes)
        return Speeds(
            call=self.seconds["call"].median,
            copy=self.message_bytes / self.seconds["copy"].median,
            add=added(self.processes) * self.message_bytes / self.seconds["add"].median,
            step=share / self.seconds["rule"].median,
        )

    def link(self, message: str) -> Link:
        """Return what is measured of one kind of messages."""
        gathers = message == "all-gather"
        small = self.seconds["agreement" if gathers else "all-to-all of one"].median
        large = self.seconds[message].median
        # A message as small as the smallest has no rate of its own.
        moving = max(large - small, large / 10)
        return Link(
            small / (stages(self.processes) if gathers else max(1, self.processes - 1)),
            others(self.processes) * self.message_bytes / moving,
        )

    def model(self, reduction: str) -> Step:
        """Return what the model gives for the whole step."""
        return over_all(
            self.job,
            self.processes,
            self.link(REDUCTIONS[reduction]),
            self.link("all-gather"),
            self.speeds,
            adds=reduction == "ordered",
        )

    def ratio(self, reduction: str) -> float:
        """Return how many times as long as in the model the step took."""
        return self.seconds[reduction].median / self.model(reduction).total


@dataclass(frozen=True)
class Launch:
    """What processes that were started together have measured."""

    processes: int
    transport: str
    threads: int
    """Of each process."""
    mpi: str
    measured: Sequence[Measured]

    @property
    def went_elsewhere(self) -> bool:
        """Whether messages are known not to have gone the way that was asked for."""
        through = [each.loopback for each in self.measured if each.loopback is not None]
        if not through or self.transport not in (TCP, SHARED_MEMORY):
            return False
        return min(through) < 0.5 if self.transport == TCP else max(through) > 0.5


@dataclass(frozen=True)
class ProcessResults:
    """A run of the benchmark of several processes."""

    arguments: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    launches: Sequence[Launch]
