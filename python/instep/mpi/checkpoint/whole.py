"""An optimizer of a share, as checkpoints have it: as that of one process."""

from __future__ import annotations

from collections.abc import Sequence

from instep.checkpoint.content import Expectation, Snapshot
from instep.optimizer import Optimizer
from instep.parameters import Array, everywhere


def snapshot_of(
    share: Optimizer, params: Sequence[Array], skipped_steps: int, *, with_params: bool
) -> Snapshot:
    """Return what a checkpoint holds, with arrays that have no more than dtype and shape."""
    return Snapshot(
        share._kind(),
        share._state_dict_of(_whole_states(share, params)),
        skipped_steps,
        [(param.dtype.name, param.shape) for param in params],
        [everywhere(0.0, param.shape, param.dtype) for param in params] if with_params else [],
    )


def expectation_of(share: Optimizer, params: Sequence[Array]) -> Expectation:
    """Return what a checkpoint must fit."""
    return Expectation(
        share._kind(), share.param_groups, _whole_states(share, params), list(params), share._rule
    )


def _whole_states(share: Optimizer, params: Sequence[Array]) -> list[dict[str, Array]]:
    return [
        {name: everywhere(0.0, param.shape, state.dtype) for name, state in states.items()}
        for states, param in zip(share._named_states(), params, strict=True)
    ]
