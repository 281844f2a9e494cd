"""Least squares: floors and asymptotes as theory has them."""

from __future__ import annotations

import numpy as np
import pytest

from instep.schedules import SearchThenConverge
from instep.study.descent import least_squares
from instep.study.descent.least_squares import LeastSquares, descend

ONE_WEIGHT = LeastSquares(np.ones((2, 1)), np.array([1.0, -1.0]))
"""f(w) = ½ w² + ½; gradients of single examples are w ∓ 1."""


def test_the_minimum_has_no_gradient_and_no_error() -> None:
    problem = least_squares.draw(np.random.default_rng(0))
    at = problem.minimum[None, :]
    assert problem.error(at) == 0.0
    residuals = problem.features @ problem.minimum - problem.targets
    np.testing.assert_allclose(problem.features.T @ residuals, 0, atol=1e-10)


def test_the_error_is_the_excess_of_the_function() -> None:
    problem = least_squares.draw(np.random.default_rng(0), count=30, width=3)
    weights = np.array([[1.0, -2.0, 0.5]])

    def value(w: np.ndarray) -> float:
        return float(0.5 * np.mean((problem.features @ w - problem.targets) ** 2))

    assert problem.error(weights) == pytest.approx(value(weights[0]) - value(problem.minimum))


def test_a_batch_of_all_examples_has_the_full_gradient() -> None:
    problem = least_squares.draw(np.random.default_rng(0), count=30, width=3)
    weights = np.random.default_rng(1).standard_normal((4, 3))
    everything = np.tile(np.arange(30), (4, 1))
    np.testing.assert_allclose(
        problem.gradients(weights, everything), problem.full_gradients(weights), atol=1e-12
    )


@pytest.mark.parametrize("rate", [0.01, 0.5, 1.0])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_floor_of_one_weight(rate: float, batch_size: int) -> None:
    # w' = (1 − η) w + η e with e of variance 1/b: the variance settles at η² / (b (1 − (1 − η)²)).
    variance = rate / (batch_size * (2 - rate))
    assert ONE_WEIGHT.floor(rate, batch_size) == pytest.approx(variance / 2)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_floor_counts_the_spread_of_the_features(batch_size: int) -> None:
    # x is 1 or 3 and y is ±x², so that each example wants w = ±x; E[x²] = 5, E[x⁴] = 41. A batch's
    # Hessian A has the square 25 + 16/b on average, its gradient at 0 the square E[x⁶]/b = 365/b.
    features = np.array([[1.0], [1.0], [3.0], [3.0]])
    problem = LeastSquares(features, np.array([1.0, -1.0, 9.0, -9.0]))
    rate, square = 0.1, 25 + 16 / batch_size
    variance = rate**2 * 365 / batch_size / (2 * rate * 5 - rate**2 * square)
    assert problem.floor(rate, batch_size) == pytest.approx(0.5 * 5 * variance)


@pytest.mark.parametrize("c", [0.6, 1.0, 5.0])
def test_the_asymptote_of_one_weight(c: float) -> None:
    assert ONE_WEIGHT.critical_c() == pytest.approx(0.5)
    assert ONE_WEIGHT.asymptote(c) == pytest.approx(0.5 * c**2 / (2 * c - 1))
    # The same from the recursion of the variance: v' = (1 − c/t)² v + (c/t)².
    variance, last = 1.0, 300_000
    for t in range(int(c) + 1, last):
        variance = (1 - c / t) ** 2 * variance + (c / t) ** 2
    assert 0.5 * variance * last == pytest.approx(ONE_WEIGHT.asymptote(c), rel=0.1)


def test_sgd_settles_at_its_floor_and_full_gradients_do_not() -> None:
    problem = least_squares.draw(np.random.default_rng(0), count=100, width=3)
    steps, errors = descend(problem, 0.2, 500, 1, 200, np.random.default_rng(1))
    assert np.mean(errors[steps > 250]) == pytest.approx(problem.floor(0.2), rel=0.1)
    _, errors = descend(problem, 0.5, 500, None, 1, np.random.default_rng(1))
    assert errors[-1] < 1e-12


def test_search_then_converge_follows_its_asymptote() -> None:
    problem = least_squares.draw(np.random.default_rng(0), count=100, width=3)
    c = 2 * problem.critical_c()
    schedule = SearchThenConverge(0.2, timescale=100, c=c)
    steps, errors = descend(problem, schedule, 4000, 1, 200, np.random.default_rng(1))
    late = steps > 2000
    assert np.mean(errors[late] * steps[late]) == pytest.approx(problem.asymptote(c), rel=0.15)
