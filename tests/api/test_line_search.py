"""SGD with the stochastic Armijo line search: step sizes, and how it converges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from instep import line_search, reference
from tests.api.armijo import (
    bits,
    make,
    returning,
)
from tests.api.model import assert_same
from tests.cases import DTYPES, Array


def least_squares(dtype: np.dtype[Any], seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((12, 5)).astype(dtype)
    return points, (points @ rng.standard_normal(5).astype(dtype) + 1).astype(dtype)


def loss_of(w: Array, b: Array, points: Array, targets: Array) -> Any:
    # Sums in NumPy's own order: a BLAS may round differently for other addresses.
    return np.square((points * w).sum(axis=1) + b - targets).sum() / 2


def grads_of(w: Array, b: Array, points: Array, targets: Array) -> list[Array]:
    residuals = (points * w).sum(axis=1) + b - targets
    return [(points * residuals[:, None]).sum(axis=0), np.asarray(residuals.sum())]


def searches_as_in_the_paper(
    w: Array, b: Array, batches: Sequence[tuple[Array, Array]], fraction: float
) -> Iterator[tuple[float, float, Array, Array]]:
    """Yield step size, loss and parameters after each step, computed with new arrays throughout."""
    lr = 1.0
    for k, batch in enumerate(batches):
        if k > 0:
            lr = min(lr * 2.0**fraction, 10.0)
        start = float(loss_of(w, b, *batch))
        grads = grads_of(w, b, *batch)
        norm = reference.grad_norm(grads)
        while True:
            trial = [w.copy(), b.copy()]
            reference.sgd_step(trial, grads, step=1, lr=lr)
            reached = float(loss_of(trial[0], trial[1], *batch))
            if reached <= start - 0.1 * lr * norm * norm:
                break
            lr *= 0.9
        w, b = trial
        yield lr, reached, w, b


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_step_sizes_and_iterates_are_the_papers(dtype: np.dtype[Any]) -> None:
    """Exactly, in both dtypes: the reference's steps have the kernels' bits."""
    points, targets = least_squares(dtype)
    batches = [(points[k % 4 :: 4], targets[k % 4 :: 4]) for k in range(40)]
    w, b = np.zeros(10, dtype)[::-2], np.zeros((), dtype)
    optimizer = line_search.ArmijoSGD([w, b], batch_fraction=3 / 12)
    expected = searches_as_in_the_paper(w.copy(), b.copy(), batches, 3 / 12)
    sizes = set()
    for batch, (lr, loss, *params) in zip(batches, expected, strict=True):
        optimizer.step(partial(loss_of, w, b, *batch), grads_of(w, b, *batch))
        assert optimizer.lr == lr
        assert optimizer.last_loss == loss
        assert_same([w, b], params)
        sizes.add(lr)
    assert optimizer.steps == 40
    assert optimizer.evaluations > 80
    assert len(sizes) > 10  # they were searched for indeed


# For the loss a w² / 2 at w = 1 the condition is lr ≤ 2 (1 − c) / a, and computed exactly here.
@pytest.mark.parametrize(
    ("a", "c", "initial_lr", "lr"),
    [
        (1.0, 0.5, 1.0, 1.0),
        (8.0, 0.5, 1.0, 0.125),
        (9.0, 0.5, 1.0, 0.0625),
        (7.0, 0.5, 1.0, 0.125),
        (1.0, 0.25, 1.5, 1.5),
        (1.0, 0.25, 1.5 + 2**-52, 0.75 + 2**-53),
        (1.0, 0.25, 10.0, 1.25),
        (0.25, 0.75, 8.0, 2.0),
    ],
)
def test_the_first_step_size_below_the_bound_is_accepted(
    a: float, c: float, initial_lr: float, lr: float
) -> None:
    w = np.ones(1)
    optimizer = make(w, c=c, initial_lr=initial_lr)
    optimizer.step(lambda: a * w[0] ** 2 / 2, a * w)
    assert optimizer.lr == lr <= 2 * (1 - c) / a
    assert w[0] == 1 - lr * a
    trials = 1 + round(math.log2(initial_lr / lr))
    assert optimizer.evaluations == 1 + trials


def test_defaults_are_the_papers() -> None:
    w = np.ones(1)
    optimizer = line_search.ArmijoSGD(w, batch_fraction=1.0)
    assert optimizer.lr == 1.0
    optimizer.step(lambda: 8 * w[0] ** 2 / 2, 8 * w)  # the bound is 2 · 0.9 / 8 = 0.225
    assert optimizer.lr == pytest.approx(0.9**15, rel=1e-14)
    assert 0.9**15 < 0.225 < 0.9**14


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [1, 2, 4, 8, 10, 10]),
        ({"batch_fraction": 0.5, "growth": 4.0}, [1, 2, 4, 8, 10, 10]),
        ({"batch_fraction": 0.5}, [1, 2**0.5, 2, 2**1.5, 4, 2**2.5]),
        ({"growth": 1.0}, [1, 1, 1, 1]),
        ({"initial_lr": 3.0, "max_lr": 5.0}, [3, 5, 5]),
        ({"initial_lr": 0.5, "max_lr": 0.5}, [0.5, 0.5]),
        ({"growth": 1e308, "max_lr": 1e308, "initial_lr": 1e308}, [1e308, 1e308]),
    ],
)
def test_step_sizes_grow_up_to_the_largest(options: dict[str, Any], sizes: list[float]) -> None:
    w = np.zeros(1)
    optimizer = make(w, **options)
    for lr in sizes:
        # Where the gradient is 1, this reaches every decrease that can be asked for.
        optimizer.step(returning(0.0, -1e308), np.ones(1))
        assert optimizer.lr == pytest.approx(lr, rel=1e-14)
    assert optimizer.evaluations == 2 * len(sizes)


def test_growth_goes_on_from_the_accepted_step_size() -> None:
    w = np.zeros(1)
    optimizer = make(w)
    accepted = []
    for losses in ([0, 1, 1, -99], [0, -99], [0, 1, 1, 1, -99]):
        optimizer.step(returning(*losses), np.ones(1))
        accepted.append(optimizer.lr)
    assert accepted == [0.25, 0.5, 0.125]
    assert w[0] == -sum(accepted)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, np.float32(np.nan), 10**400])
def test_a_loss_that_is_not_finite_is_not_accepted(loss: Any) -> None:
    w = np.zeros(1)
    optimizer = make(w)
    optimizer.step(returning(0.0, loss, loss, -99.0), np.ones(1))
    assert (optimizer.lr, w[0], optimizer.last_loss) == (0.25, -0.25, -99.0)
    assert optimizer.failed_searches == 0


@pytest.mark.parametrize(
    "grads",
    [[np.zeros(2), np.zeros(3)], [None, None], [None, -np.zeros(3)], iter([np.zeros(2), None])],
    ids=["zeros", "none", "one", "iterator"],
)
def test_without_a_gradient_the_first_step_size_is_accepted_at_once(grads: Any) -> None:
    params = [np.ones(2), np.full(3, -2.0)]
    optimizer = make(params)
    optimizer.step(returning(0.0, -99.0), [np.ones(2), np.ones(3)])
    before = bits(params)
    optimizer.step(returning(5.0), grads)  # a second evaluation would raise StopIteration
    assert bits(params) == before
    assert (optimizer.lr, optimizer.steps, optimizer.last_loss) == (2.0, 2, 5.0)
    assert optimizer.evaluations == 3


def test_a_norm_that_overflows_asks_for_more_than_any_loss_reaches() -> None:
    w = np.zeros(1)
    optimizer = make(w, max_trials=3)
    optimizer.step(returning(0.0, *[-1e308] * 3), np.full(1, 1e155))
    assert (w[0], optimizer.steps, optimizer.failed_searches) == (0.0, 0, 1)


def test_a_known_value_saves_an_evaluation() -> None:
    points, targets = least_squares(np.dtype(np.float64))
    pair = [[np.zeros(5), np.zeros(())] for _ in range(2)]
    optimizers = [make(params) for params in pair]
    for _ in range(5):
        for known, (optimizer, (w, b)) in enumerate(zip(optimizers, pair, strict=True)):
            value = np.asarray(loss_of(w, b, points, targets)) if known else None
            optimizer.step(
                partial(loss_of, w, b, points, targets),
                grads_of(w, b, points, targets),
                value=value,
            )
    assert_same(pair[0], pair[1])
    first, second = (optimizer.state_dict() for optimizer in optimizers)
    assert first.pop("evaluations") == second.pop("evaluations") + 5
    assert first == second


def squares(w: Array, points: Array, targets: Array) -> Any:
    return np.square(points @ w - targets).sum() / 2


def test_with_interpolation_it_converges_linearly() -> None:
    """The loss of all data falls below its rounding errors, by a factor in every 10 passes."""
    points = np.random.default_rng(3).standard_normal((20, 40))
    targets = points @ np.ones(40)
    w = np.zeros(40)
    optimizer = line_search.ArmijoSGD(w, batch_fraction=5 / 20)
    losses = []
    for epoch in range(100):
        if epoch % 10 == 0:
            losses.append(float(squares(w, points, targets)))
        for batch in range(4):
            x, y = points[batch::4], targets[batch::4]
            optimizer.step(partial(squares, w, x, y), x.T @ (x @ w - y))
        assert optimizer.failed_searches == 0
        if losses[-1] < 1e-20:
            break
    assert losses[-1] < 1e-20
    assert all(after < before / 10 for before, after in itertools.pairwise(losses))
