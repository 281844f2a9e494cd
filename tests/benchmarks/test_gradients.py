"""What is done to gradients on the way to the rule.

``pytest tests/benchmarks/test_gradients.py --benchmark-enable`` measures it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import instep

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from tests.cases import Array


def scaled(benchmark: BenchmarkFixture, size: int) -> int:
    """Return the size to measure, or a small one where nothing is measured."""
    return size if benchmark.enabled else 1000


def clipped_first(optimizer: instep.Optimizer, grad: Array) -> None:
    """Step as one does without `clip_norm`."""
    optimizer.step(grad * min(1.0, 1.0 / (float(np.linalg.norm(grad)) + 1e-6)))


CONDITIONED: dict[str, tuple[dict[str, Any], Callable[[instep.Optimizer, Array], None]]] = {
    "plain": ({}, instep.Optimizer.step),
    "clip_norm": ({"clip_norm": 1.0}, instep.Optimizer.step),
    "clip_value": ({"clip_value": 0.5}, instep.Optimizer.step),
    "guard": ({"nonfinite": "skip"}, instep.Optimizer.step),
    "clipped with NumPy first": ({}, clipped_first),
}


@pytest.mark.benchmark(group="adam, float32, 20 M")
@pytest.mark.parametrize("way", CONDITIONED)
def test_conditioned(benchmark: BenchmarkFixture, way: str) -> None:
    options, step = CONDITIONED[way]
    grad = np.resize(
        np.random.default_rng(0).standard_normal(1 << 16).astype(np.float32),
        scaled(benchmark, 20_000_000),
    )
    optimizer = instep.Adam(np.ones_like(grad), **options)
    benchmark(step, optimizer, grad)


@pytest.mark.benchmark(group="adam, float32, 100,000, subnormal second moments")
@pytest.mark.parametrize("flush", [False, True], ids=["exact", "flushed"])
def test_subnormal_states(benchmark: BenchmarkFixture, flush: bool) -> None:
    grad = np.full(scaled(benchmark, 100_000), 1e-20, np.float32)
    optimizer = instep.Adam(np.ones_like(grad), flush_subnormals=flush)
    benchmark(optimizer.step, grad)


@pytest.mark.benchmark(group="adam, 10,000 rows of a table of 10 M x 16")
@pytest.mark.parametrize("kind", ["rows", "dense"])
def test_rows(benchmark: BenchmarkFixture, kind: str) -> None:
    table = np.zeros((scaled(benchmark, 10_000_000), 16), np.float32)
    rng = np.random.default_rng(0)
    grad: Array | instep.RowGradient
    if kind == "rows":
        rows = rng.integers(0, len(table), 10_000)
        grad = instep.RowGradient(rows, np.ones((rows.size, 16), np.float32))
    else:
        grad = np.ones_like(table)
    optimizer = instep.Adam(table)
    benchmark(optimizer.step, grad)
