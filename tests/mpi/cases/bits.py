"""Given the mean gradient, steps have the bits of one process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

import instep
from tests.mpi.meeting import LAYOUTS, SHAPES, assert_same_bits, draw, mean_of, sharded

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_ELEMENTWISE = [
    getattr(instep, name)
    for name in instep.optimizers.__all__
    if getattr(instep, name)._rule.is_elementwise
]


def _compare(
    comm: Any,
    cls: type[instep.Optimizer],
    dtype: Any,
    options: Mapping[str, Any],
    *,
    gradients: Any = None,
    own: Mapping[str, Any] | None = None,
    shapes: Any = SHAPES,
    steps: int = 3,
) -> None:
    rng = np.random.default_rng(7)
    begin = draw(rng, dtype, shapes)
    params = [LAYOUTS[comm.rank % len(LAYOUTS)](param) for param in begin]
    if comm.rank:
        for param in params:
            param[...] = 0  # process 0 has the others' parameters
    expected = [param.copy() for param in begin]
    optimizer = sharded(cls, params, comm, bucket_bytes=30_000, **(own or {}), **options)
    one = cls(expected, **options)
    working = np.float64 if dtype == np.float64 else np.float32
    for number in range(steps):
        grads = [draw(rng, gradients or dtype, shapes) for _ in range(comm.size)]
        given: list[Any] = [LAYOUTS[(comm.rank + 1) % 4](grad) for grad in grads[comm.rank]]
        mean: list[Any] = mean_of(grads, working)
        if number == 1:
            given[2] = mean[2] = None
        optimizer.step(given)
        one.step(mean)
        assert optimizer.last_grad_norm == one.last_grad_norm
    if isinstance(one, instep.ScheduleFreeSGD | instep.ScheduleFreeAdamW):
        optimizer.eval()
        one.eval()
        assert not optimizer.train_mode
    assert optimizer.steps == one.steps == steps
    assert_same_bits(params, expected)


def every_elementwise_rule(comm: Any) -> None:
    assert len(_ELEMENTWISE) > 15
    for cls in _ELEMENTWISE:
        for dtype in (np.float32, np.float64):
            _compare(comm, cls, dtype, {})


def hyperparameters_and_schedules(comm: Any) -> None:
    schedule = instep.schedules.ExponentialDecay(0.1, factor=0.5)
    _compare(comm, instep.Adam, np.float32, {"lr": schedule, "weight_decay": 0.1})
    _compare(comm, instep.SGD, np.float64, {"momentum": 0.9, "nesterov": True, "maximize": True})


def storage_in_16_bits(comm: Any) -> None:
    by_chance = {"param_rounding": "stochastic", "seed": 5}
    for dtype, options in (
        (np.float32, {"state_dtype": "bfloat16", "seed": 3}),
        (np.float32, {"state_dtype": "float16", "state_rounding": "nearest"}),
        (np.float16, by_chance),
        (_BFLOAT16, {"state_dtype": "bfloat16", **by_chance}),
        (_BFLOAT16, {"master_weight_bits": 32}),
    ):
        _compare(comm, instep.Adam, dtype, options)
    _compare(comm, instep.ScheduleFreeAdamW, _BFLOAT16, by_chance)


def narrower_gradients(comm: Any) -> None:
    _compare(comm, instep.Adam, np.float32, {}, gradients=np.float16)
    _compare(comm, instep.Adam, np.float32, {}, gradients=_BFLOAT16)
    _compare(comm, instep.Adam, np.float64, {}, gradients=np.float32)


def buckets_of_any_size(comm: Any) -> None:
    shapes = ((70, 130), (5,))
    for n_bytes in (8, 1000, 2**30):
        steps = 1 if n_bytes == 8 else 3
        few = ((3,), (2, 2)) if n_bytes == 8 else shapes
        rng = np.random.default_rng(3)
        params = draw(rng, np.float32, few)
        expected = [param.copy() for param in params]
        optimizer = sharded(instep.Adam, params, comm, bucket_bytes=n_bytes)
        one = instep.Adam(expected)
        for _ in range(steps):
            grads = [draw(rng, np.float32, few) for _ in range(comm.size)]
            optimizer.step(grads[comm.rank])
            one.step(mean_of(grads, np.float32))
        assert_same_bits(params, expected)


def more_processes_than_elements(comm: Any) -> None:
    w = np.zeros(1)
    optimizer = sharded(instep.SGD, w, comm, lr=1.0)
    optimizer.step(np.array([float(comm.rank)]))
    assert w[0] == -sum(range(comm.size)) * (1.0 / comm.size)


def fast_sums(comm: Any) -> None:
    rng = np.random.default_rng(1)
    params = draw(rng, np.float32)
    expected = [param.copy() for param in params]
    optimizer = sharded(instep.SGD, params, comm, lr=1.0, reduction="fast", bucket_bytes=30_000)
    grads = [
        [grad.round() for grad in draw(rng, np.float32)] for _ in range(comm.size)
    ]  # whose sums are exact in any order
    optimizer.step(grads[comm.rank])
    instep.SGD(expected, lr=1.0).step(mean_of(grads, np.float32))
    assert_same_bits(params, expected)


def sums_that_overflow_are_infinite(comm: Any) -> None:
    w = np.zeros(3, np.float32)
    optimizer = sharded(instep.SGD, w, comm, lr=1.0)
    optimizer.step(np.full(3, 3e38, np.float32))
    expected = -3e38 if comm.size == 1 else -np.inf
    np.testing.assert_array_equal(w, np.full(3, expected, np.float32))


def several_types_and_groups(comm: Any) -> None:
    def groups() -> tuple[list[np.ndarray[Any, Any]], Any]:
        a, b = np.ones((90, 90), np.float32), np.ones(9000)
        c = np.ones(4, np.float16)
        return [a, b, c], [{"params": {"a": a, "b": b}}, {"params": {"c": c}, "lr": 0.5}]

    params, given = groups()
    expected, others = groups()
    optimizer = sharded(instep.Adam, given, comm, lr=0.1)
    one = instep.Adam(others, lr=0.1)
    for _ in range(2):
        grads = [param * 0.25 for param in expected]
        optimizer.step(dict(zip("abc", grads, strict=True)))
        one.step(dict(zip("abc", grads, strict=True)))
    assert_same_bits(params, expected)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]


def each_process_has_its_share_of_the_states(comm: Any) -> None:
    w = np.zeros((1000, 1000), np.float32)
    optimizer = sharded(instep.Adam, w, comm)
    own = optimizer.state_dict()["state"][0]["exp_avg"].size
    assert abs(own - w.size / comm.size) <= 4096
    assert own == len(optimizer.plan.share(comm.rank, 0))
    assert sum(comm.allgather(own)) == w.size
    assert len(str(optimizer.plan).splitlines()) == 1 + comm.size
