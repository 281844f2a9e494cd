"""What is done to gradients on the way to the rule.

``pytest tests/benchmarks/test_gradients.py --benchmark-enable`` measures it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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


def some_rows(table: Array) -> instep.RowGradient:
    rows = np.random.default_rng(0).integers(0, len(table), 10_000)
    return instep.RowGradient(rows, np.ones((rows.size, 16), np.float32))


def step_of_rows(optimizer: type[instep.Optimizer], table: Array) -> Callable[[], None]:
    grad = some_rows(table)
    return partial(optimizer(table).step, grad)


def dense_step(optimizer: type[instep.Optimizer], table: Array) -> Callable[[], None]:
    return partial(optimizer(table).step, np.ones_like(table))


def torch_step_of_rows(optimizer: str, table: Array) -> Callable[[], None]:
    """Return the step of a sparse gradient, which torch makes anew in every backward pass."""
    torch = pytest.importorskip("torch")
    torch.sparse.check_sparse_tensor_invariants.disable()  # said, so that torch does not warn
    grad = some_rows(table)
    rows, values = torch.from_numpy(grad.rows)[None], torch.from_numpy(grad.values)
    param = torch.from_numpy(table).requires_grad_()
    stepped = getattr(torch.optim, optimizer)([param])

    def step() -> None:
        param.grad = torch.sparse_coo_tensor(rows, values, table.shape)
        stepped.step()

    return step


TABLE_STEPS: dict[str, Callable[[Array], Callable[[], None]]] = {
    "Adam, rows": partial(step_of_rows, instep.Adam),
    "Adam, dense": partial(dense_step, instep.Adam),
    "torch.optim.SparseAdam": partial(torch_step_of_rows, "SparseAdam"),
    "Adagrad, rows": partial(step_of_rows, instep.Adagrad),
    "Adagrad, dense": partial(dense_step, instep.Adagrad),
    "torch.optim.Adagrad, sparse": partial(torch_step_of_rows, "Adagrad"),
}


@pytest.mark.benchmark(group="10,000 rows of a table of 10 M x 16")
@pytest.mark.parametrize("way", TABLE_STEPS)
def test_rows(benchmark: BenchmarkFixture, way: str) -> None:
    # Written, so that its pages exist.
    table = np.ones((scaled(benchmark, 10_000_000), 16), np.float32)
    benchmark(TABLE_STEPS[way](table))
