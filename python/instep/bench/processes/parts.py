"""What a step of several processes is made of, to be timed by itself, and the whole step."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from mpi4py import MPI

from instep.bench.own import INSTEP
from instep.mpi import Sharded
from instep.mpi.agreement import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from instep.bench.arrays import Array
    from instep.bench.cases import Case

TIMEOUT = 120.0

BUCKET_BYTES: int = inspect.signature(Sharded).parameters["bucket_bytes"].default

RECORD = len(KINDS) + 2
"""Integers that a process tells the others before a step."""


class Messages:
    """Arrays as large as a step sends at once, and what is done to them, in the same memory."""

    def __init__(self, comm: Any, each: int, dtype: str) -> None:
        self._comm = comm
        self._counts = [each] * comm.size
        self._line = np.ones(each * comm.size, dtype)
        self._received = np.ones_like(self._line)
        self._share = np.ones(each, dtype)
        self._total = np.ones_like(self._share)
        self._rows: Sequence[Array] = list(np.ones((comm.size, each), dtype))
        self.nbytes: int = self._line.nbytes

    def all_to_all(self) -> None:
        """Give each process its part, and get one from each."""
        target = [self._received, self._counts]
        self._comm.Ialltoallv([self._line, self._counts], target).Wait()

    def reduce_scatter(self) -> None:
        """Get the sum of what all processes have of one part."""
        self._comm.Ireduce_scatter(self._line, self._total, self._counts).Wait()

    def all_gather(self) -> None:
        """Get a part from each process."""
        self._comm.Iallgatherv(self._share, [self._received, self._counts]).Wait()

    def add(self) -> None:
        """Add up parts, and multiply the sum."""
        total, *others = self._rows
        for each in others:
            total += each
        total *= 1.0 / len(self._rows)

    def copy(self) -> None:
        """Copy everything once."""
        np.copyto(self._received, self._line)


def messages_of(case: Case, comm: Any) -> Messages:
    """Return those that the gradients of a case fill, or one bucket of them."""
    size = np.dtype(case.dtype).itemsize
    at_once = min(BUCKET_BYTES, case.elements * size)
    return Messages(comm, max(1, at_once // size // comm.size), case.dtype)


def parts_of(case: Case, messages: Messages, comm: Any) -> dict[str, Callable[[], object]]:
    """Return the parts of a step, by the names that `Measured` gives them."""
    record = np.zeros(RECORD, np.int64)
    records = np.empty((comm.size, RECORD), np.int64)
    a_share = dataclasses.replace(case, sizes=(-(-case.elements // comm.size),))
    nothing = dataclasses.replace(case, sizes=(1,) * len(case.sizes))
    return {
        "call": step(sharded(nothing, MPI.COMM_SELF), nothing),
        "agreement": lambda: comm.Iallgather(record, records).Wait(),
        "all-to-all of one": Messages(comm, 1, case.dtype).all_to_all,
        "all-to-all": messages.all_to_all,
        "reduce-scatter": messages.reduce_scatter,
        "all-gather": messages.all_gather,
        "add": messages.add,
        "copy": messages.copy,
        "rule": INSTEP.prepare(a_share).step,
    }


def sharded(case: Case, comm: Any, reduction: str = "ordered") -> Sharded:
    """Return an optimizer of new arrays of a case."""
    params, _ = case.arrays()
    options: dict[str, Any] = {**case.rule.options, "reduction": reduction, "timeout": TIMEOUT}
    return Sharded(case.rule.optimizer, params, comm=comm, **options)


def step(optimizer: Sharded, case: Case) -> Callable[[], object]:
    """Return what steps by gradients of a case."""
    _, [grads] = case.arrays()
    return functools.partial(optimizer.step, grads)


def bytes_of_states(optimizer: Sharded) -> int:
    """Return how many bytes of states this process has."""
    states = optimizer.state_dict()["state"].values()
    arrays = (each for state in states for each in state.values())
    return sum(each.nbytes for each in arrays if isinstance(each, np.ndarray))
