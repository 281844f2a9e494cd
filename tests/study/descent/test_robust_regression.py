"""The robust regression: its gradients are slopes, and it is not convex."""

from __future__ import annotations

import numpy as np
import pytest

import instep
from instep.study.descent import robust_regression


def test_robust_gradients_are_slopes() -> None:
    problem = robust_regression.draw(np.random.default_rng(0), count=20, width=3)
    weights = np.random.default_rng(1).standard_normal((2, 3))
    gradients = problem.full_gradients(weights)
    for index in np.ndindex(weights.shape):
        ahead, behind = weights.copy(), weights.copy()
        ahead[index] += 1e-6
        behind[index] -= 1e-6
        slope = (problem.value(ahead) - problem.value(behind))[index[0]] / 2e-6
        assert gradients[index] == pytest.approx(slope, abs=1e-8)
    singles = [problem.gradients(weights, np.full(2, example)) for example in range(20)]
    np.testing.assert_allclose(np.mean(singles, axis=0), gradients, atol=1e-12)


def test_the_robust_problem_is_not_convex() -> None:
    problem = robust_regression.RobustRegression(np.ones((1, 1)), np.zeros(1))
    near, middle, far = problem.value(np.array([[4.0], [8.0], [12.0]]))
    assert middle > (near + far) / 2


def test_norms_are_measured_before_each_step() -> None:
    problem = robust_regression.draw(np.random.default_rng(0), count=20, width=3)
    starts = np.random.default_rng(1).standard_normal((2, 3))
    norms = robust_regression.squared_gradient_norms(
        problem, lambda w: instep.SGD(w, lr=0.0), starts, 3, np.random.default_rng(2)
    )
    expected = np.sum(problem.full_gradients(starts) ** 2) / 2
    assert norms == pytest.approx([expected] * 3)
