"""Gradients that are sent one by one, as soon as they are there."""

from __future__ import annotations

from collections.abc import Sequence

from instep.mpi.channel import Channel
from instep.mpi.gradients import working_type
from instep.mpi.plan import Plan
from instep.mpi.reduction import How, Reduction
from instep.parameters import Array, everywhere


class Overlap:
    """The gradients of a step that is to come.

    They are sent in buckets of some parameters, the last ones first, as backward passes give them.
    All processes send the buckets in this order: one that is complete waits for those before it.
    """

    def __init__(self, channel: Channel, plan: Plan, params: Sequence[Array], how: How) -> None:
        self._channel = channel
        self._plan = plan
        self._params = params
        self._how = how
        self._buckets = _buckets(params, how.bucket_bytes)
        self._bucket_of = {k: number for number, each in enumerate(self._buckets) for k in each}
        channel.ahead = self
        self._begin()

    def _begin(self) -> None:
        self.reduced: set[int] = set()
        """Of which parameters there are gradients."""
        self._waiting: dict[int, Array] = {}
        self._added = 0  # how many buckets
        self._reduction = Reduction(self._channel, self._plan, self._params, self._how)
        self._channel.lane.leave(self)

    @property
    def launched(self) -> int:
        """How many rounds of the buckets this process has sent."""
        return self._reduction.launched

    def add(self, param: int, grad: Array) -> None:
        """Take a parameter's gradient, which has been read on return."""
        self._channel.lane.check_free(self)
        completes = self._bucket_of[param] == self._added and self._is_complete(without=param)
        self._waiting[param] = grad if completes else grad.copy()
        self.reduced.add(param)
        self._channel.lane.enter(self)
        with self._channel.all_of_it():
            while self._added < len(self._buckets) and self._is_complete():
                self._add_next()
            self._reduction.advance()
            self._reduction.keep()

    def finish(self) -> list[Array | None]:
        """Return the means, of this process's share; the next step's gradients may come."""
        while self._added < len(self._buckets):
            self._add_next()
        means = self._reduction.finish()
        self._begin()
        return means

    def settle(self, launched: int) -> None:
        """Send what others wait for, zeros where there is nothing, and forget it all."""
        while self.launched + self._reduction.left < launched:
            for k in self._buckets[self._added]:
                param = self._params[k]
                self._waiting.setdefault(k, everywhere(0.0, param.shape, working_type(param)))
            self._add_next()
        self._reduction.advance_to(launched)
        self._reduction.receive_all()
        self._begin()

    def _is_complete(self, without: int | None = None) -> bool:
        return all(k in self._waiting or k == without for k in self._buckets[self._added])

    def _add_next(self) -> None:
        bucket = [k for k in self._buckets[self._added] if k in self._waiting]
        self._added += 1
        if bucket:
            self._reduction.add(bucket, [self._waiting.pop(k) for k in bucket])


def _buckets(params: Sequence[Array], bucket_bytes: int) -> list[list[int]]:
    buckets: list[list[int]] = []
    room = 0
    for k in reversed(range(len(params))):
        n_bytes = params[k].size * working_type(params[k]).itemsize
        if not buckets or n_bytes > room or params[k].dtype != params[buckets[-1][0]].dtype:
            buckets.append([])
            room = bucket_bytes
        buckets[-1].append(k)
        room -= n_bytes
    return buckets
