"""Collective calls that end: what a process waits for, and for how long."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instep.mpi.library import MPI

_SPINS = 1000
_NAP = 2e-5  # seconds; at more processes than cores, the others need this one's


class Channel:
    """A communicator on which no wait is longer than a timeout.

    A collective call cannot be cancelled: after a timeout its buffers are kept, as others may still
    write into them, and every further use is refused.
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        self.rank: int = comm.Get_rank()
        self.size: int = comm.Get_size()
        self.timeout: float | None = None
        self._lost: str | None = None
        self._kept: list[object] = []

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

    def wait(self, request: Any, what: str, *buffers: object) -> None:
        """Wait for a collective call, of which these are the buffers."""
        with self.all_of_it():
            self._kept += [request, *buffers]
            end = None if self.timeout is None else time.monotonic() + self.timeout
            spins = 0
            while not request.Test():
                spins += 1
                if spins < _SPINS:
                    continue
                if end is not None and time.monotonic() > end:
                    self._lost = f"waiting for {what}, it met a timeout"
                    raise TimeoutError(
                        f"{what}: expected those of all {self.size} processes within "
                        f"{self.timeout:g} s, and at least one has not come; as it may have died "
                        "or be stopped, end all processes with comm.Abort()"
                    )
                time.sleep(_NAP)
            self._kept.clear()

    def all_gather(self, values: NDArray[Any], what: str) -> NDArray[Any]:
        """Return a row of values from each process; each has as many."""
        rows = np.empty((self.size, *values.shape), values.dtype)
        self.wait(self.comm.Iallgather(values, rows), what, values, rows)
        return rows

    def all_gather_runs(
        self, values: NDArray[Any], counts: Sequence[int], what: str
    ) -> list[NDArray[Any]]:
        """Return the values of each process, of which there are that many."""
        firsts = offsets(counts)
        line = np.empty(firsts[-1], values.dtype)
        target = [line, (list(counts), firsts[:-1])]
        self.wait(self.comm.Iallgatherv(values, target), what, values, line)
        return [line[first : first + n] for first, n in zip(firsts, counts, strict=False)]

    def all_gather_texts(self, text: str, what: str) -> list[str]:
        """Return a text from each process."""
        own = np.frombuffer(text.encode(), np.uint8)
        counts = self.all_gather(np.array([own.size]), what)[:, 0].tolist()
        return [each.tobytes().decode() for each in self.all_gather_runs(own, counts, what)]

    def all_to_all(self, values: NDArray[Any], counts: Sequence[int], what: str) -> NDArray[Any]:
        """Return a row from each process: of its values those that are for this one.

        `counts` are how many of the values are for each process.
        """
        own = counts[self.rank]
        rows = np.empty((self.size, own), values.dtype)
        sent = [values, (list(counts), offsets(counts)[:-1])]
        received = [rows, ([own] * self.size, [own * k for k in range(self.size)])]
        self.wait(self.comm.Ialltoallv(sent, received), what, values, rows)
        return rows

    def reduce_scatter(
        self, values: NDArray[Any], counts: Sequence[int], what: str
    ) -> NDArray[Any]:
        """Return the sum of all processes' values that are for this one, in MPI's own order."""
        total = np.empty(counts[self.rank], values.dtype)
        request = self.comm.Ireduce_scatter(values, total, list(counts), op=MPI.SUM)
        self.wait(request, what, values, total)
        return total

    def broadcast(self, values: NDArray[Any], what: str) -> None:
        """Bring the values of process 0 into those of all."""
        self.wait(self.comm.Ibcast(values, root=0), what, values)


def offsets(counts: Sequence[int]) -> list[int]:
    """Return where each run begins of those that follow one another, and where the last ends."""
    return [0, *np.cumsum(counts, dtype=np.int64).tolist()]
