"""Gradients that are reduced one by one give the steps that those of one call do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import instep
from tests.mpi.meeting import (
    LAYOUTS,
    SHAPES,
    assert_same_bits,
    draw,
    mean_of,
    refused_alike,
    sharded,
)

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def _orders(comm: Any, n: int) -> Sequence[Sequence[int]]:
    """Backwards, forwards, and another order on each process."""
    mixed = np.random.default_rng(comm.rank).permutation(n).tolist()
    return (list(reversed(range(n))), list(range(n)), mixed)


def in_any_order_and_buckets_of_any_size(comm: Any) -> None:
    for n_bytes in (64, 10_000, 2**26):
        rng = np.random.default_rng(2)
        params = draw(rng, np.float32)
        expected = [param.copy() for param in params]
        options: dict[str, Any] = {"clip_norm": 1.0, "weight_decay": 0.1}
        if n_bytes == 64:  # a round for every few elements
            params, expected = params[1:2], expected[1:2]
        optimizer = sharded(instep.AdamW, params, comm, bucket_bytes=n_bytes, **options)
        one = instep.AdamW(expected, **options)
        shapes = [param.shape for param in params]
        for order in _orders(comm, len(params)):
            grads = [draw(rng, np.float32, shapes) for _ in range(comm.size)]
            for k in order:
                given = LAYOUTS[(comm.rank + k) % 4](grads[comm.rank][k])
                optimizer.reduce(k, given)
                given[...] = np.nan  # it has been read
            optimizer.step(grad_scale=2.0)
            one.step(mean_of(grads, np.float32), grad_scale=2.0)
            assert optimizer.last_grad_norm == one.last_grad_norm
        assert_same_bits(params, expected)


def some_of_the_gradients(comm: Any) -> None:
    rng = np.random.default_rng(5)
    params = dict(zip("abcdef", draw(rng, np.float64), strict=True))
    expected = {name: param.copy() for name, param in params.items()}
    optimizer = sharded(instep.Adam, params, comm, bucket_bytes=30_000)
    one = instep.Adam(expected)
    for names in ("ace", "f", "bd", "abcdef"):
        grads = [draw(rng, np.float64) for _ in range(comm.size)]
        mean = dict(zip("abcdef", mean_of(grads, np.float64), strict=True))
        for name in sorted(names, reverse=bool(comm.rank % 2)):
            optimizer.reduce(name, grads[comm.rank]["abcdef".index(name)])
        optimizer.step()
        one.step({name: mean[name] if name in names else None for name in mean})
    assert_same_bits(list(params.values()), list(expected.values()))


def several_types_and_fast_sums(comm: Any) -> None:
    begin: list[Any] = [np.ones((70, 70), np.float32), np.ones(5000), np.ones(9, np.float16)]
    for reduction in ("ordered", "fast"):
        params, expected = ([param.copy() for param in begin] for _ in range(2))
        optimizer = sharded(instep.SGD, params, comm, reduction=reduction)
        for k in (1, 0, 2):
            optimizer.reduce(k, np.full_like(params[k], comm.rank))
        optimizer.step()
        mean = sum(range(comm.size)) * (1.0 / comm.size)
        instep.SGD(expected).step([np.full_like(param, mean) for param in expected])
        assert_same_bits(params, expected)


def narrower_on_the_wire(comm: Any) -> None:
    for wire in ("bfloat16", "float16", np.float32):
        narrow = _BFLOAT16 if wire == "bfloat16" else np.dtype(wire)
        for dtype in (np.float32, np.float64, _BFLOAT16):
            working = np.float64 if dtype == np.float64 else np.float32
            rng = np.random.default_rng(9)
            params = draw(rng, dtype)
            expected = [param.copy() for param in params]
            optimizer = sharded(instep.Adam, params, comm, wire_dtype=wire, bucket_bytes=30_000)
            one = instep.Adam(expected)
            for reduced in (False, True):
                grads = [draw(rng, dtype) for _ in range(comm.size)]
                sent = [[grad.astype(narrow) for grad in each] for each in grads]
                if reduced:
                    for k in reversed(range(len(SHAPES))):
                        optimizer.reduce(k, grads[comm.rank][k])
                    optimizer.step()
                else:
                    optimizer.step(grads[comm.rank])
                one.step(mean_of(sent, working))
            assert_same_bits(params, expected)


def what_goes_with_what_on_the_wire(comm: Any) -> None:
    with refused_alike(comm, "wire_dtype: expected None with reduction='fast'", "bfloat16"):
        sharded(instep.Adam, np.zeros(3), comm, wire_dtype="bfloat16", reduction="fast")
    with refused_alike(comm, "wire_dtype: expected None, float16, bfloat16 or float32, got"):
        sharded(instep.Adam, np.zeros(3), comm, wire_dtype="int8")


def a_gradient_that_is_refused_leaves_the_others(comm: Any) -> None:
    w, b = np.ones((3, 2)), np.ones(2)
    optimizer = sharded(instep.SGD, {"w": w, "b": b}, comm, lr=1.0)
    optimizer.reduce("b", np.ones(2))
    refused: tuple[tuple[Any, Any, type[Exception], str], ...] = (
        ("b", np.ones(2), ValueError, "'b': expected one for each step, got another"),
        (1, np.ones(2), ValueError, "'b': expected one for each step"),
        ("c", np.ones(2), KeyError, "expected one of ['w', 'b'], got 'c'"),
        (2, np.ones(2), ValueError, "param: expected"),
        (None, np.ones(2), TypeError, "param: expected"),
        ("w", np.ones(2), ValueError, "'w': expected shape (3, 2), got (2,)"),
        ("w", None, TypeError, "'w': expected a numpy.ndarray, got NoneType"),
        ("w", np.ones((3, 2), complex), TypeError, "'w': expected float64"),
    )
    for param, grad, kind, words in refused:
        with pytest.raises(kind, match=re.escape(words)):
            optimizer.reduce(param, grad)
    optimizer.reduce("w", np.ones((3, 2)))
    optimizer.step()
    assert w.max() == b.max() == 0.0
    with pytest.raises(KeyError, match="a position, as parameters have no names, got 'w'"):
        sharded(instep.SGD, [w, b], comm).reduce("w", np.ones((3, 2)))


def a_step_that_is_refused_drops_them(comm: Any) -> None:
    w, b = np.ones(9000), np.ones(9000)
    optimizer = sharded(instep.SGD, {"w": w, "b": b}, comm, lr=1.0, bucket_bytes=4096)
    last = comm.rank == comm.size - 1

    def reduce(names: str) -> None:
        for name in names:
            optimizer.reduce(name, np.ones(9000))

    reduce("bw")
    with refused_alike(comm, "grad_scale: expected"):
        optimizer.step(grad_scale=0.0 if last else 1.0)
    reduce("bw")
    with refused_alike(comm, "expected no gradients, as reduce() has got some"):
        optimizer.step({"w": np.ones(9000), "b": np.ones(9000)})
    with refused_alike(comm, "expected gradients, or calls of reduce() before"):
        optimizer.step()
    if comm.size > 1:
        who = f"process {comm.size - 1}"
        for names in ("b", "w", ""):
            reduce(names if last else "bw")
            with refused_alike(comm, who):
                optimizer.step()
        for names in ("bw", "b"):
            if last:
                reduce(names)
            with refused_alike(comm, who):
                optimizer.step(... if last else {"w": np.ones(9000), "b": np.ones(9000)})
        reduce("b" if last else "bw")
        with refused_alike(comm, "SGD has one point", who):
            if last:
                optimizer.eval()
            else:
                optimizer.step()
    assert optimizer.steps == 0
    assert w.min() == w.max() == b.min() == b.max() == 1.0
    reduce("wb")
    optimizer.step()
    assert w.min() == w.max() == b.min() == b.max() == 0.0


def the_communicator_is_free_for_other_calls(comm: Any) -> None:
    optimizer = sharded(instep.SGD, [np.ones(5), np.ones(5)], comm, lr=1.0)
    for k in (0, 1) if comm.rank % 2 else (1, 0):
        optimizer.reduce(k, np.ones(5))
        assert comm.allreduce(1) == comm.size
    optimizer.step()


def optimizers_take_turns_on_a_communicator(comm: Any) -> None:
    one, other = (sharded(instep.SGD, np.ones(5), comm) for _ in range(2))
    one.reduce(0, np.ones(5))
    with pytest.raises(RuntimeError, match="another optimizer on this communicator"):
        other.reduce(0, np.ones(5))
    with refused_alike(comm, "another optimizer on this communicator", "comm.Dup()"):
        other.step(np.ones(5))
    one.step()
    other.step(np.ones(5))
    duplicate = comm.Dup()
    third = sharded(instep.SGD, np.ones(5), duplicate)
    third.reduce(0, np.ones(5))
    one.step(np.ones(5))
    third.step()
    duplicate.Free()
