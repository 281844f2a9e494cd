"""Gradients to those who step them, and parameters back to all, in buckets."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from instep.mpi.channel import Channel, offsets
from instep.mpi.gradients import working_type
from instep.mpi.plan import Plan
from instep.parameters import Array


class _Piece(NamedTuple):
    """Elements of a parameter, in C order, and where they stand in a bucket."""

    param: int
    elements: slice
    place: slice


class Exchange:
    """What the processes of a plan send one another.

    Of each type of parameters, a round after the other: in a round each process has as many
    elements of its share as fit the bucket, however many processes there are.
    """

    def __init__(
        self,
        channel: Channel,
        plan: Plan,
        params: Sequence[Array],
        *,
        ordered: bool,
        bucket_bytes: int,
    ) -> None:
        self._channel = channel
        self._plan = plan
        self._params = params
        self._ordered = ordered
        self._bucket_bytes = bucket_bytes

    def mean_of_share(self, grads: Sequence[Array | None]) -> list[Array | None]:
        """Return of each gradient the mean over all processes, of this process's share alone."""
        channel = self._channel
        means: list[Array | None] = [None] * len(grads)
        for line in self._lines([k for k, grad in enumerate(grads) if grad is not None]):
            working = working_type(self._params[line[0]])
            runs = [_Run(self._shares(process, line)) for process in range(channel.size)]
            own = runs[channel.rank]
            mean = np.empty(own.size, working)
            for begin, end in self._rounds(runs, working):
                counts = [run.count(begin, end) for run in runs]
                firsts = offsets(counts)
                sent = np.empty(firsts[-1], working)
                for run, first in zip(runs, firsts, strict=False):
                    for k, elements, place in run.pieces(begin, end):
                        grad = grads[line[k]]
                        assert grad is not None
                        sent[first:][place] = _flat(grad)[elements]
                mean[begin:end] = self._mean(sent, counts)
            for k, share in enumerate(own.shares):
                means[line[k]] = mean[own.firsts[k] : own.firsts[k] + len(share)]
        return means

    def _mean(self, sent: NDArray[Any], counts: Sequence[int]) -> NDArray[Any]:
        channel, what = self._channel, "the gradients"
        with np.errstate(all="ignore"):
            if self._ordered:
                first, *others = channel.all_to_all(sent, counts, what)
                for each in others:
                    first += each
            else:
                first = channel.reduce_scatter(sent, counts, what)
            first *= 1.0 / channel.size
        mean: NDArray[Any] = first
        return mean

    def gather_params(self, stepped: Sequence[int]) -> None:
        """Bring each process's share of some parameters to all others."""
        channel = self._channel
        for line in self._lines(stepped):
            bits = [_flat(_bits(self._params[k])) for k in line]
            runs = [_Run(self._shares(process, line)) for process in range(channel.size)]
            own = runs[channel.rank]
            for begin, end in self._rounds(runs, self._params[line[0]].dtype):
                counts = [run.count(begin, end) for run in runs]
                sent = np.empty(counts[channel.rank], _bits(self._params[line[0]]).dtype)
                for k, elements, place in own.pieces(begin, end):
                    sent[place] = bits[k][elements]
                received = channel.all_gather_runs(sent, counts, "the parameters")
                for process, (run, values) in enumerate(zip(runs, received, strict=True)):
                    if process == channel.rank:
                        continue
                    for k, elements, place in run.pieces(begin, end):
                        bits[k][elements] = values[place]

    def broadcast_params(self) -> None:
        """Bring the parameters of process 0 to all others."""
        channel = self._channel
        for line in self._lines(range(len(self._params))):
            bits = [_flat(_bits(self._params[k])) for k in line]
            run = _Run([range(self._params[k].size) for k in line])
            most = max(1, self._bucket_bytes // self._params[line[0]].itemsize)
            for begin in range(0, run.size, most):
                end = begin + most
                bucket = np.empty(run.count(begin, end), _bits(self._params[line[0]]).dtype)
                pieces = list(run.pieces(begin, end))
                if channel.rank == 0:
                    for k, elements, place in pieces:
                        bucket[place] = bits[k][elements]
                channel.broadcast(bucket, "the parameters of process 0")
                if channel.rank != 0:
                    for k, elements, place in pieces:
                        bits[k][elements] = bucket[place]

    def _lines(self, params: Sequence[int]) -> list[list[int]]:
        """Return the parameters by their types, in an order that is that of all processes."""
        by_type: dict[str, list[int]] = {}
        for k in params:
            by_type.setdefault(self._params[k].dtype.name, []).append(k)
        return list(by_type.values())

    def _shares(self, process: int, line: Sequence[int]) -> list[range]:
        return [self._plan.share(process, k) for k in line]

    def _rounds(self, runs: Sequence[_Run], dtype: np.dtype[Any]) -> Iterator[tuple[int, int]]:
        most = max(1, self._bucket_bytes // (dtype.itemsize * self._channel.size))
        for begin in range(0, max(run.size for run in runs), most):
            yield begin, begin + most


class _Run:
    """The shares of several parameters, one after another."""

    def __init__(self, shares: Sequence[range]) -> None:
        self.shares = shares
        self.firsts = offsets([len(share) for share in shares])
        self.size = self.firsts[-1]

    def count(self, begin: int, end: int) -> int:
        """Return how many of the elements from `begin` to `end` there are."""
        return max(0, min(end, self.size) - begin)

    def pieces(self, begin: int, end: int) -> Iterator[_Piece]:
        """Return what the elements from `begin` to `end` are."""
        end = min(end, self.size)
        k = max(0, bisect_right(self.firsts, begin) - 1)
        while k < len(self.shares) and self.firsts[k] < end:
            start, stop = max(begin, self.firsts[k]), min(end, self.firsts[k + 1])
            if start < stop:
                within = self.shares[k].start - self.firsts[k]
                yield _Piece(
                    k, slice(start + within, stop + within), slice(start - begin, stop - begin)
                )
            k += 1


def _bits(param: Array) -> NDArray[Any]:
    """Return a parameter as integers, of which MPI knows the types."""
    return param.view(np.ndarray).view(f"u{param.itemsize}")


def _flat(array: NDArray[Any]) -> Any:
    """Return what reads and writes elements by their positions in C order."""
    return array.reshape(-1) if array.flags.c_contiguous else array.flat
