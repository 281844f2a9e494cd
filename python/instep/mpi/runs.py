"""Elements of several parameters, one after another, as they are sent."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from instep.mpi.channel import offsets
from instep.mpi.plan import Plan
from instep.parameters import Array


class Piece(NamedTuple):
    """Elements of an array, in C order, and where they stand in a bucket."""

    array: int
    elements: slice
    place: slice


class Run:
    """Parts of several arrays, one after another."""

    def __init__(self, parts: Sequence[range]) -> None:
        self.parts = parts
        self.firsts: list[int] = offsets([len(part) for part in parts])
        self.size: int = self.firsts[-1]

    def count(self, begin: int, end: int) -> int:
        """Return how many of the elements from `begin` to `end` there are."""
        return max(0, min(end, self.size) - begin)

    def pieces(self, begin: int, end: int) -> Iterator[Piece]:
        """Return what the elements from `begin` to `end` are."""
        end = min(end, self.size)
        k = max(0, bisect_right(self.firsts, begin) - 1)
        while k < len(self.parts) and self.firsts[k] < end:
            start, stop = max(begin, self.firsts[k]), min(end, self.firsts[k + 1])
            if start < stop:
                within = self.parts[k].start - self.firsts[k]
                yield Piece(
                    k, slice(start + within, stop + within), slice(start - begin, stop - begin)
                )
            k += 1


def runs_of_shares(plan: Plan, params: Sequence[int]) -> list[Run]:
    """Return for each process what it steps of some parameters."""
    return [
        Run([plan.share(process, k) for k in params]) for process in range(len(plan.bounds) - 1)
    ]


def rounds(runs: Sequence[Run], bucket_bytes: int, itemsize: int) -> Iterator[tuple[int, int]]:
    """Return from where to where of its run each process gets in a round.

    A round has as many elements for each process, and all together fit the bucket.
    """
    most = max(1, bucket_bytes // (itemsize * len(runs)))
    for begin in range(0, max(run.size for run in runs), most):
        yield begin, begin + most


def by_type(params: Sequence[Array], some: Sequence[int]) -> list[list[int]]:
    """Return some of the parameters by their types, in an order that is that of all processes."""
    found: dict[str, list[int]] = {}
    for k in some:
        found.setdefault(params[k].dtype.name, []).append(k)
    return list(found.values())


def bits(array: Array) -> NDArray[Any]:
    """Return an array as integers, of which MPI knows the types."""
    return array.view(np.ndarray).view(f"u{array.itemsize}")


def flat(array: NDArray[Any]) -> Any:
    """Return what reads and writes elements by their positions in C order."""
    return array.reshape(-1) if array.flags.c_contiguous else array.flat
