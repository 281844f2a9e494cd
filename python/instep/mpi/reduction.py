"""Gradients to those who step them: the mean over all processes, of a share alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from instep.mpi.channel import Channel, Pending, offsets
from instep.mpi.gradients import working_type
from instep.mpi.plan import Plan
from instep.mpi.runs import Run, bits, flat, rounds, runs_of_shares
from instep.numbers import check_integer
from instep.parameters import Array
from instep.storage import check_dtype

ReductionOrder: TypeAlias = Literal["ordered", "fast"]
"""How gradients are added up: in the order of ranks, or as MPI does it."""

_MOST_BUCKET_BYTES = 2**30
"""Counts of elements are 32-bit integers in MPI."""

_AT_ONCE = 2
"""How many buckets are on their way: while one is, the next is filled."""


class How(NamedTuple):
    """How gradients are added up and sent."""

    reduction: ReductionOrder
    bucket_bytes: int
    wire_dtype: np.dtype[Any] | None

    @classmethod
    def checked(
        cls, reduction: ReductionOrder, bucket_bytes: int, wire_dtype: DTypeLike | None
    ) -> How:
        """Return what was asked for, or raise TypeError or ValueError."""
        if reduction not in get_args(ReductionOrder):
            raise ValueError(f"reduction: expected 'ordered' or 'fast', got {reduction!r}")
        check_integer("bucket_bytes", bucket_bytes, at_least=8, below=_MOST_BUCKET_BYTES + 1)
        wire = check_dtype("wire_dtype", wire_dtype)
        if wire is not None and reduction == "fast":
            raise ValueError(
                "wire_dtype: expected None with reduction='fast', as MPI adds up what it sends, "
                f"got {wire.name}"
            )
        return cls(reduction, bucket_bytes, wire)

    def sent_as(self, working: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type in which gradients are sent whose sum has the type `working`."""
        wire = self.wire_dtype
        return working if wire is None or wire.itemsize >= working.itemsize else wire


class _Bucket:
    """Gradients, and which of their elements each process gets."""

    def __init__(self, grads: Sequence[Array], runs: Sequence[Run], sent_as: np.dtype[Any]) -> None:
        self.grads = grads
        self.runs = runs
        self.sent_as = sent_as
        self.is_kept = False

    def keep(self) -> None:
        """Copy the gradients, once."""
        if not self.is_kept:
            self.grads = [grad.copy() for grad in self.grads]
            self.is_kept = True


class _Round(NamedTuple):
    """What is sent in one call: from `begin` to `end` of each process's run."""

    bucket: _Bucket
    begin: int
    end: int
    mean: NDArray[Any]
    """Where the mean of what is received goes."""


class Reduction:
    """The means of one step's gradients.

    In a round each process gets as many elements of its share as fit the bucket, however many
    processes there are.
    """

    def __init__(self, channel: Channel, plan: Plan, params: Sequence[Array], how: How) -> None:
        self._channel = channel
        self._plan = plan
        self._params = params
        self._how = how
        self.launched: int = 0
        """How many rounds have been sent."""
        self._queue: deque[_Round] = deque()
        self._on_their_way: deque[tuple[Pending, _Round]] = deque()
        self._means: list[Array | None] = [None] * len(params)

    def add(self, some: Sequence[int], grads: Sequence[Array]) -> None:
        """Take the gradients of some parameters of one type, to be sent after those before."""
        working = working_type(self._params[some[0]])
        runs = runs_of_shares(self._plan, some)
        own = runs[self._channel.rank]
        mean = self._channel.buffers.take(own.size, working)
        bucket = _Bucket(grads, runs, self._how.sent_as(working))
        self._queue.extend(
            _Round(bucket, begin, end, mean[begin:end])
            for begin, end in rounds(runs, self._how.bucket_bytes, working.itemsize)
        )
        for k, first, part in zip(some, own.firsts, own.parts, strict=False):
            self._means[k] = mean[first : first + len(part)]

    @property
    def left(self) -> int:
        """How many rounds have not been sent."""
        return len(self._queue)

    def keep(self) -> None:
        """Copy the gradients that have not been sent, as their arrays may be written again."""
        for each in self._queue:
            each.bucket.keep()

    def advance(self) -> None:
        """Receive what has come, and send what there is room for, without waiting."""
        while self._on_their_way and self._on_their_way[0][0].request.Test():
            self._receive()
        while self._queue and len(self._on_their_way) < _AT_ONCE:
            self._launch()

    def advance_to(self, launched: int) -> None:
        """Send rounds, of which there are as many, up to this number."""
        while self.launched < launched:
            if len(self._on_their_way) == _AT_ONCE:
                self._receive()
            self._launch()

    def receive_all(self) -> None:
        """Wait for what is on its way."""
        while self._on_their_way:
            self._receive()

    def finish(self) -> list[Array | None]:
        """Return of each gradient that was added the mean, of this process's share.

        They are parts of the channel's buffers.
        """
        self.advance_to(self.launched + self.left)
        self.receive_all()
        return self._means

    def _launch(self) -> None:
        bucket, begin, end, _ = each = self._queue.popleft()
        counts = [run.count(begin, end) for run in bucket.runs]
        firsts = offsets(counts)
        sent = self._channel.buffers.take(firsts[-1], bucket.sent_as)
        with np.errstate(all="ignore"):
            for run, first in zip(bucket.runs, firsts, strict=False):
                for k, elements, place in run.pieces(begin, end):
                    sent[first:][place] = flat(bucket.grads[k])[elements]
        what = "the gradients"
        pending = (
            self._channel.start_all_to_all(bits(sent), counts, what)
            if self._how.reduction == "ordered"
            else self._channel.start_reduce_scatter(sent, counts, what)
        )
        self._on_their_way.append((pending, each))
        self.launched += 1

    def _receive(self) -> None:
        pending, each = self._on_their_way.popleft()
        received = self._channel.finish(pending)
        mean = each.mean
        with np.errstate(all="ignore"):
            if self._how.reduction == "ordered":
                first, *others = received.view(each.bucket.sent_as)
                mean[...] = first
                for other in others:
                    mean += other
            else:
                mean[...] = received
            mean *= 1.0 / self._channel.size
        self._channel.buffers.give_back(received, pending.sent)
