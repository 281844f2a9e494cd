"""Norms, clipping, scales and the guard are those of one process with the mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from tests.mpi.meeting import assert_same_bits, draw, mean_of, sharded


def _compare(comm: Any, dtype: Any, scale: float, size: float = 1.0, **options: Any) -> None:
    rng = np.random.default_rng(11)
    params = draw(rng, dtype)
    expected = [param.copy() for param in params]
    optimizer = sharded(instep.Adam, params, comm, **options)
    one = instep.Adam(expected, **options)
    for number in range(3):
        grads = [[grad * dtype(size) for grad in draw(rng, dtype)] for _ in range(comm.size)]
        given: list[Any] = list(grads[comm.rank])
        mean: list[Any] = mean_of(grads, dtype)
        if number == 1:
            given[0] = mean[0] = None
        optimizer.step(given, grad_scale=scale)
        one.step(mean, grad_scale=scale)
        assert optimizer.last_grad_norm == one.last_grad_norm
    assert_same_bits(params, expected)


def clipping(comm: Any) -> None:
    for dtype in (np.float32, np.float64):
        for options in (
            {"clip_norm": 1.0},
            {"clip_norm": np.inf},
            {"clip_norm": 1e9},
            {"clip_norm": 0.5, "clip_value": 0.1},
            {"clip_value": 0.1},
            {"nonfinite": "raise"},
            {"nonfinite": "skip", "clip_norm": 0.0},
        ):
            _compare(comm, dtype, 3.0, **options)


def subnormal_numbers_that_are_taken_for_zero(comm: Any) -> None:
    for size in (1e-40, 1e-25):
        _compare(comm, np.float32, 1.0, size, clip_norm=1e-30, flush_subnormals=True)


def norms_whose_squares_leave_the_range(comm: Any) -> None:
    for size in (1e200, 1e-200, 0.0):
        _compare(comm, np.float64, 1.0, size, clip_norm=1.0)


def no_gradient_at_all(comm: Any) -> None:
    w = np.zeros(3)
    optimizer, one = (
        sharded(instep.Adam, w, comm, clip_norm=1.0),
        instep.Adam(w.copy(), clip_norm=1),
    )
    optimizer.step(None)
    one.step(None)
    assert (optimizer.steps, optimizer.last_grad_norm) == (one.steps, one.last_grad_norm)


def the_guard_skips_on_every_process(comm: Any) -> None:
    for value in (np.nan, np.inf):
        for bound in (None, 1.0):
            params = draw(np.random.default_rng(0), np.float32)
            before = [param.copy() for param in params]
            optimizer = sharded(instep.Adam, params, comm, nonfinite="skip", clip_value=bound)
            grads = [np.ones_like(param) for param in params]
            if comm.rank == comm.size - 1:
                grads[2][-1, -1] = value
            optimizer.step(grads)
            assert (optimizer.steps, optimizer.skipped_steps) == (0, 1)
            assert optimizer.last_grad_norm is not None
            assert not np.isfinite(optimizer.last_grad_norm)
            assert_same_bits(params, before)
            optimizer.step([np.ones_like(param) for param in params])
            assert (optimizer.steps, optimizer.skipped_steps) == (1, 1)


def the_guard_raises_on_every_process(comm: Any) -> None:
    params = draw(np.random.default_rng(0), np.float32)
    before = [param.copy() for param in params]
    optimizer = sharded(instep.Adam, params, comm, nonfinite="raise")
    grads = [np.ones_like(param) for param in params]
    if comm.rank == 0:
        grads[2][5, 1] = np.nan
        grads[5][0, 0] = np.inf
    words = r"parameter 2: expected finite numbers.* at index \(5, 1\)"
    with pytest.raises(FloatingPointError, match=words):
        optimizer.step(grads)
    assert_same_bits(params, before)
    assert optimizer.steps == 0
    optimizer.step([np.ones_like(param) for param in params])


def options_can_be_set(comm: Any) -> None:
    w = np.zeros(3)
    optimizer = sharded(instep.SGD, w, comm, lr=1.0)
    optimizer.clip_norm = 0.5
    optimizer.lr = 0.5
    optimizer.param_groups[0]["momentum"] = 0.0
    optimizer.step(np.array([3.0, 4.0, 0.0]))
    one = instep.SGD(np.zeros(3), lr=0.5, clip_norm=0.5)
    one.step(np.array([3.0, 4.0, 0.0]))
    assert optimizer.lr == 0.5
    assert_same_bits([w], [one.param_groups[0]["params"][0]])
