"""Parameters from those who have stepped them to all, in buckets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instep.mpi.channel import Channel
from instep.mpi.plan import Plan
from instep.mpi.runs import Run, bits, by_type, flat, rounds, runs_of_shares
from instep.parameters import Array


class Exchange:
    """What brings the processes of a plan each other's parameters."""

    def __init__(
        self, channel: Channel, plan: Plan, params: Sequence[Array], bucket_bytes: int
    ) -> None:
        self._channel = channel
        self._plan = plan
        self._params = params
        self._bucket_bytes = bucket_bytes

    def gather_params(self, stepped: Sequence[int]) -> None:
        """Bring each process's share of some parameters to all others."""
        channel = self._channel
        if channel.size == 1:
            return
        for line in by_type(self._params, stepped):
            elements_of = [flat(bits(self._params[k])) for k in line]
            dtype = bits(self._params[line[0]]).dtype
            runs = runs_of_shares(self._plan, line)
            own = runs[channel.rank]
            for begin, end in rounds(runs, self._bucket_bytes, dtype.itemsize):
                counts = [run.count(begin, end) for run in runs]
                sent = channel.buffers.take(counts[channel.rank], dtype)
                for k, elements, place in own.pieces(begin, end):
                    sent[place] = elements_of[k][elements]
                received = channel.all_gather_runs(sent, counts, "the parameters")
                for process, (run, values) in enumerate(zip(runs, received, strict=True)):
                    if process == channel.rank:
                        continue
                    for k, elements, place in run.pieces(begin, end):
                        elements_of[k][elements] = values[place]
                channel.buffers.give_back(sent, received[0])

    def broadcast_params(self) -> None:
        """Bring the parameters of process 0 to all others."""
        channel = self._channel
        for line in by_type(self._params, range(len(self._params))):
            elements_of = [flat(bits(self._params[k])) for k in line]
            dtype = bits(self._params[line[0]]).dtype
            run = Run([range(self._params[k].size) for k in line])
            for begin, end in rounds([run], self._bucket_bytes, dtype.itemsize):
                bucket = np.empty(run.count(begin, end), dtype)
                pieces = list(run.pieces(begin, end))
                if channel.rank == 0:
                    for k, elements, place in pieces:
                        bucket[place] = elements_of[k][elements]
                channel.broadcast(bucket, "the parameters of process 0")
                if channel.rank != 0:
                    for k, elements, place in pieces:
                        elements_of[k][elements] = bucket[place]
