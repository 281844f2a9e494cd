"""What the ways of saving and loading have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from instep.checkpoint.content import Checked
from instep.mpi.channel import Channel
from instep.mpi.checkpoint.delivery import Delivery, Shared
from instep.mpi.checkpoint.together import Together
from instep.mpi.plan import Plan

Allocate: TypeAlias = Callable[[Checked], list[Shared]]
"""Returns memory for the share of all that is to be read, or raises ValueError."""


class Context(NamedTuple):
    """Processes that save or load together."""

    channel: Channel
    together: Together
    plan: Plan
    bucket_bytes: int

    def delivery(self, arrays: Sequence[Shared]) -> Delivery:
        """Return what brings these arrays to process 0 and from it."""
        return Delivery(self.channel, self.together, self.plan, arrays, self.bucket_bytes)
