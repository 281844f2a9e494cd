"""What is done to all gradients together before their steps: the norm, clipping, the guard."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import instep._core as _core
from instep.gradient_options import GradientOptions
from instep.mpi.channel import Channel
from instep.mpi.plan import Plan
from instep.parameters import Array
from instep.reference.gradients import LEAST_SUM, RESCALE, condition_gradients
from instep.reference.sums import BLOCK, sums_in_pairs

_AT_ONCE = 64 * BLOCK
_LEAST_NORM = 1e-6


class Measured(NamedTuple):
    """What is known of the mean gradient, the same on every process."""

    norm: float | None = None
    factor: float = 1.0
    """By which clipping multiplies it."""
    not_finite: tuple[int, int] | None = None
    """The first element that is not: its parameter, and its position in C order."""


class Conditioning:
    """How a mean gradient of which each process has a share is measured, with one process's bits.

    Shares are cut between the blocks of which `instep.reference.grad_norm` sums the squares: their
    sums are gathered, and added in its order.
    """

    def __init__(self, channel: Channel, plan: Plan, options: GradientOptions, grad_scale: float):
        self._channel = channel
        self._plan = plan
        self._options = options
        self._grad_scale = grad_scale

    def measure(self, grads: Sequence[Array | None]) -> Measured:
        """Return what there is to know of the gradients, which are those of the share."""
        guards = self._options["nonfinite"] != "propagate"
        largest = self._options["clip_norm"]
        if largest is None and not guards:
            return Measured()
        norm = self._norm(grads, guarded=guards)
        # A norm of finite numbers may overflow.
        not_finite = self._find_not_finite(grads) if guards and not math.isfinite(norm) else None
        factor = 1.0
        if largest is not None and largest != math.inf:
            coefficient = largest / (norm + _LEAST_NORM)
            factor = min(coefficient, 1.0)  # a NaN stays one, as it comes first
        return Measured(norm, factor, not_finite)

    def clip(self, grads: Sequence[Array | None], factor: float) -> None:
        """Condition the gradients, in place, and multiply them by a factor."""
        bound = self._options["clip_value"]
        with np.errstate(all="ignore"):
            for part in self._parts(grads):
                elements = part.elements
                if bound is None or bound == math.inf:
                    elements *= factor * (1.0 / self._grad_scale)
                else:
                    elements[...] = self._conditioned(elements, bound) * factor

    def _norm(self, grads: Sequence[Array | None], *, guarded: bool) -> float:
        total = self._sum_of_squares(grads, 1.0, guarded)
        if total == math.inf or total < LEAST_SUM:
            rescale = RESCALE if total < LEAST_SUM else 1.0 / RESCALE
            return math.sqrt(self._sum_of_squares(grads, rescale, guarded)) / rescale
        return math.sqrt(total)

    def _sum_of_squares(
        self, grads: Sequence[Array | None], rescale: float, guarded: bool
    ) -> float:
        params = [k for k, grad in enumerate(grads) if grad is not None]
        options = self._options
        bound = math.inf if options["clip_value"] is None else options["clip_value"]
        own = [
            _core.block_sums(
                grad,
                scale=1.0 / self._grad_scale,
                bound=bound,
                rescale=rescale,
                guarded=guarded,
                flush_subnormals=options["flush_subnormals"],
            )
            for grad in grads
            if grad is not None
        ]
        blocks = -(-np.diff(self._plan.bounds[:, params], axis=0) // BLOCK)
        sums = self._channel.all_gather_runs(
            np.concatenate([np.zeros(0), *own]), blocks.sum(axis=1).tolist(), "the sums of squares"
        )
        ends = np.cumsum(blocks, axis=1)
        of_arrays = [
            sums_in_pairs(
                np.concatenate(
                    [
                        each[ends[process, k] - blocks[process, k] : ends[process, k]]
                        for process, each in enumerate(sums)
                    ]
                )
            )
            for k in range(len(params))
        ]
        with np.errstate(all="ignore"):
            return float(sums_in_pairs(np.array(of_arrays, np.float64)))

    def _find_not_finite(self, grads: Sequence[Array | None]) -> tuple[int, int] | None:
        none = np.iinfo(np.int64).max
        found = next(self._not_finite(grads), (none, none))
        first = min(map(tuple, self._channel.all_gather(np.array(found), "the guard").tolist()))
        return None if first[0] == none else first

    def _not_finite(self, grads: Sequence[Array | None]) -> Iterator[tuple[int, int]]:
        for part in self._parts(grads):
            with np.errstate(all="ignore"):
                finite = np.isfinite(self._conditioned(part.elements, None))
            if not finite.all():
                yield part.param, part.first + int(np.argmin(finite))

    def _conditioned(self, elements: NDArray[Any], bound: float | None) -> NDArray[Any]:
        [conditioned] = condition_gradients(
            [elements], grad_scale=self._grad_scale, clip_value=bound
        )
        return conditioned

    def _parts(self, grads: Sequence[Array | None]) -> Iterator[_Part]:
        for k, grad in enumerate(grads):
            if grad is None:
                continue
            first = self._plan.share(self._channel.rank, k).start
            for begin in range(0, grad.size, _AT_ONCE):
                yield _Part(k, first + begin, grad[begin : begin + _AT_ONCE])


class _Part(NamedTuple):
    """Some elements of a gradient: whole blocks, but for the last."""

    param: int
    first: int
    elements: NDArray[Any]
