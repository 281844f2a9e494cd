"""Collective calls that end: what a process waits for, and for how long."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from instep.mpi.buffers import Buffers
from instep.mpi.lane import Lane
from instep.mpi.library import MPI

_SPINS = 1000
_NAP = 2e-5  # seconds; at more processes than cores, the others need this one's
_LARGE = 2**20  # bytes; MPI moves them in `Test`, and a nap after each part took ten times as long


class Pending(NamedTuple):
    """A collective call that is on its way."""

    request: Any
    what: str
    received: NDArray[Any]
    sent: NDArray[Any]


_PENDING: dict[int, Pending] = {}
"""All of them: MPI cannot take back one, and writes into its memory whoever has forgotten it."""


class Ahead(Protocol):
    """What a process has sent before the call in which others do."""

    @property
    def launched(self) -> int:
        """How many times it has sent something."""

    def settle(self, launched: int) -> None:
        """Send that often, as others have done, and forget what comes."""


class Channel:
    """A communicator on which no wait is longer than a timeout.

    After one, every further use is refused.
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        self.rank: int = comm.Get_rank()
        self.size: int = comm.Get_size()
        self.timeout: float | None = None
        self.lane: Lane
        """For gradients; set once all processes are known to be there."""
        self.ahead: Ahead | None = None
        self.buffers: Buffers = Buffers()
        self._lost: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether all calls so far were finished."""
        return self._lost is None

    def check_usable(self) -> None:
        """Raise RuntimeError after a call that was not finished."""
        if self._lost is not None:
            raise RuntimeError(
                f"this optimizer is of no use any more: {self._lost}; end all processes with "
                "comm.Abort(), and start them again"
            )

    @contextmanager
    def all_of_it(self) -> Iterator[None]:
        """Refuse further use where what stands in the ``with`` statement is not done to its end.

        Other processes go on with it, and would wait for this one, or be ahead of it.
        """
        try:
            yield
        except BaseException as error:
            self._lost = self._lost or f"a call ended with {type(error).__name__}"
            raise

    def finish(self, pending: Pending) -> NDArray[Any]:
        """Wait for what a collective call receives."""
        with self.all_of_it():
            end = None if self.timeout is None else time.monotonic() + self.timeout
            large = max(pending.sent.nbytes, pending.received.nbytes) >= _LARGE
            spins = 0
            while not pending.request.Test():
                spins += 1
                if spins < _SPINS:
                    continue
                if end is not None and time.monotonic() > end:
                    self._lost = f"waiting for {pending.what}, it met a timeout"
                    raise TimeoutError(
                        f"{pending.what}: expected those of all {self.size} processes within "
                        f"{self.timeout:g} s, and at least one has not come; as it may have died "
                        "or be stopped, end all processes with comm.Abort()"
                    )
                if large and hasattr(os, "sched_yield"):
                    os.sched_yield()
                else:
                    time.sleep(_NAP)
            del _PENDING[id(pending)]
        return pending.received

    def all_gather(self, values: NDArray[Any], what: str) -> NDArray[Any]:
        """Return a row of values from each process; each has as many."""
        rows = np.empty((self.size, *values.shape), values.dtype)
        return self.finish(_started(self.comm.Iallgather(values, rows), what, rows, values))

    def all_gather_runs(
        self, values: NDArray[Any], counts: Sequence[int], what: str
    ) -> list[NDArray[Any]]:
        """Return the values of each process, of which there are that many.

        They are parts of one of the `buffers`.
        """
        firsts = offsets(counts)
        line = self.buffers.take(firsts[-1], values.dtype)
        target = [line, (list(counts), firsts[:-1])]
        self.finish(_started(self.comm.Iallgatherv(values, target), what, line, values))
        return [line[first : first + n] for first, n in zip(firsts, counts, strict=False)]

    def all_gather_texts(self, text: str, what: str) -> list[str]:
        """Return a text from each process."""
        own = np.frombuffer(text.encode(), np.uint8)
        counts = self.all_gather(np.array([own.size]), what)[:, 0].tolist()
        return [each.tobytes().decode() for each in self.all_gather_runs(own, counts, what)]

    def broadcast(self, values: NDArray[Any], what: str) -> None:
        """Bring the values of process 0 into those of all."""
        self.finish(_started(self.comm.Ibcast(values, root=0), what, values, values))

    def bring_from(self, process: int, buffer: NDArray[Any], what: str) -> None:
        """Bring what another process has in its buffer into that of process 0."""
        received = [buffer, self._of_one(process, buffer.size)] if self.rank == 0 else None
        sent = buffer if self.rank == process else buffer[:0]
        request = self.comm.Igatherv(sent, received, root=0)
        self.finish(_started(request, what, buffer, sent))

    def bring_to(self, process: int, buffer: NDArray[Any], what: str) -> None:
        """Bring what process 0 has in its buffer into that of another."""
        sent = [buffer, self._of_one(process, buffer.size)] if self.rank == 0 else None
        received = buffer if self.rank == process else buffer[:0]
        request = self.comm.Iscatterv(sent, received, root=0)
        self.finish(_started(request, what, received, buffer))

    def _of_one(self, process: int, count: int) -> tuple[list[int], list[int]]:
        """Return how many values are of each process, and where, when all are of one."""
        return [count * (each == process) for each in range(self.size)], [0] * self.size

    def start_all_to_all(self, values: NDArray[Any], counts: Sequence[int], what: str) -> Pending:
        """Begin to receive a row from each process: of its values those that are for this one.

        `counts` are how many of the values are for each process.
        """
        own = counts[self.rank]
        rows = self.buffers.take(self.size * own, values.dtype).reshape(self.size, own)
        sent = [values, (list(counts), offsets(counts)[:-1])]
        received = [rows, ([own] * self.size, [own * k for k in range(self.size)])]
        return _started(self.lane.comm.Ialltoallv(sent, received), what, rows, values)

    def start_reduce_scatter(
        self, values: NDArray[Any], counts: Sequence[int], what: str
    ) -> Pending:
        """Begin to receive the sum of all processes' values for this one, in MPI's own order."""
        total = self.buffers.take(counts[self.rank], values.dtype)
        request = self.lane.comm.Ireduce_scatter(values, total, list(counts), op=MPI.SUM)
        return _started(request, what, total, values)


def offsets(counts: Sequence[int]) -> list[int]:
    """Return where each run begins of those that follow one another, and where the last ends."""
    return [0, *np.cumsum(counts, dtype=np.int64).tolist()]


def _started(request: Any, what: str, received: NDArray[Any], sent: NDArray[Any]) -> Pending:
    pending = Pending(request, what, received, sent)
    _PENDING[id(pending)] = pending
    return pending
