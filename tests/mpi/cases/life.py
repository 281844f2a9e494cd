"""What an optimizer shows, and how it goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from tests.mpi.meeting import assert_same_bits, refused_alike, sharded


def states_of_a_share_load(comm: Any) -> None:
    def new() -> tuple[Any, Any]:
        w = np.ones((100, 100))
        return w, sharded(instep.Adam, {"w": w}, comm)

    w, optimizer = new()
    optimizer.step({"w": np.full((100, 100), 2.0)})
    other, resumed = new()
    other[...] = w
    resumed.load_state_dict(optimizer.state_dict())
    for each in (optimizer, resumed):
        each.step({"w": np.full((100, 100), -1.0)})
    assert_same_bits([other], [w])
    assert resumed.steps == 2


def without_a_broadcast_each_keeps_its_own(comm: Any) -> None:
    w = np.full(3, float(comm.rank))
    sharded(instep.SGD, w, comm, broadcast=False)
    assert w.tolist() == [comm.rank] * 3
    sharded(instep.SGD, w, comm)
    assert w.tolist() == [0.0] * 3


def names_that_do_not_exist(comm: Any) -> None:
    optimizer = sharded(instep.Adam, np.zeros(3), comm)
    for act in (
        lambda: setattr(optimizer, "learning_rate", 1.0),
        lambda: optimizer.momentum,
    ):
        with pytest.raises(AttributeError, match="has no attribute"):
            act()
    assert optimizer.betas == (0.9, 0.999)
    assert f"process {comm.rank} of {comm.size}: Adam" in repr(optimizer)


def one_point_is_no_two(comm: Any) -> None:
    with refused_alike(comm, "Adam has one point"):
        sharded(instep.Adam, np.zeros(3), comm).eval()
    optimizer = sharded(instep.ScheduleFreeSGD, np.zeros(3), comm)
    optimizer.step(np.ones(3))
    optimizer.eval()
    with refused_alike(comm, "eval mode; call its train() first"):
        optimizer.step(np.ones(3))
    optimizer.train()
    optimizer.step(np.ones(3))
