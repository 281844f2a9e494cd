"""Arrays of which each process has a share, brought to process 0 and from it in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from instep.mpi.channel import Channel
from instep.mpi.checkpoint.together import Together
from instep.mpi.plan import Plan
from instep.mpi.runs import bits, flat
from instep.parameters import Array


class Shared(NamedTuple):
    """An array of a checkpoint: a state of a parameter, or the parameter."""

    name: str
    param: int
    own: Array
    """This process's share of it, which is that of the parameter."""


class _Part(NamedTuple):
    array: Shared
    elements: range
    """Of the whole array, in C order."""
    place: slice
    """The bytes of a message."""


class _Message(NamedTuple):
    """Parts of arrays that one process has."""

    process: int
    parts: list[_Part]
    size: int


class Delivery:
    """What brings arrays to process 0 and from it, one message after the other.

    Before each, all processes learn whether one has failed; so none is ahead of process 0, which
    has one message at a time, and nobody waits for a disk longer than one message takes.
    """

    def __init__(
        self,
        channel: Channel,
        together: Together,
        plan: Plan,
        arrays: Sequence[Shared],
        bucket_bytes: int,
    ) -> None:
        self._channel = channel
        self._together = together
        self._plan = plan
        self._arrays = arrays
        self._most = bucket_bytes
        self._bucket = np.empty(bucket_bytes, np.uint8)

    def collect(self) -> Iterator[tuple[str, Array]]:
        """Return, on process 0 alone, the name and elements of one piece after the other.

        They are those of each array in C order; of an array without elements there is an empty one.
        A piece is written over when the next is asked for.
        """
        channel = self._channel
        for process, parts, size in self._messages():
            self._together.check()
            if process == channel.rank:
                for part in parts:
                    self._bucket[part.place] = self._bytes_of(part)
            if process != 0:
                channel.bring_from(process, self._bucket[:size], "the states")
            if channel.rank == 0:
                for part in parts:
                    yield part.array.name, self._bucket[part.place].view(part.array.own.dtype)

    def hand_out(self) -> Iterator[tuple[str, memoryview]]:
        """Return, on process 0 alone, the name and memory of one piece after the other, to fill.

        As in `collect`. When the next is asked for, the former is to be full.
        """
        channel = self._channel
        for process, parts, size in self._messages():
            if channel.rank == 0:
                for part in parts:
                    yield part.array.name, self._bucket[part.place].data
            self._together.check()
            if process != 0:
                channel.bring_to(process, self._bucket[:size], "the states")
            if process == channel.rank:
                for part in parts:
                    self._bytes_of(part)[...] = self._bucket[part.place]

    def _bytes_of(self, part: _Part) -> NDArray[Any]:
        """Return this process's bytes: where its share is in one run, those themselves."""
        first = self._plan.share(self._channel.rank, part.array.param).start
        own = flat(bits(part.array.own))[part.elements.start - first : part.elements.stop - first]
        found: NDArray[Any] = own.view(np.uint8)
        return found

    def _messages(self) -> Iterator[_Message]:
        process, parts, size = 0, list[_Part](), 0
        for owner, array, share in self._shares():
            item, begin = array.own.itemsize, share.start
            while True:
                if parts and (owner != process or self._most - size < item):
                    yield _Message(process, parts, size)
                    parts, size = [], 0
                process = owner
                end = min(share.stop, begin + (self._most - size) // item)
                place = slice(size, size + (end - begin) * item)
                parts.append(_Part(array, range(begin, end), place))
                begin, size = end, place.stop
                if begin == share.stop:
                    break
        if parts:
            yield _Message(process, parts, size)

    def _shares(self) -> Iterator[tuple[int, Shared, range]]:
        """Return for each array who has some of it, and what; of an empty one, process 0."""
        for array in self._arrays:
            lengths = np.diff(self._plan.bounds[:, array.param])
            for process in np.flatnonzero(lengths).tolist() or [0]:
                yield process, array, self._plan.share(process, array.param)
