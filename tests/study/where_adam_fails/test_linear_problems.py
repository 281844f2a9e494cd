"""Linear problems: losses, margins, data and kernels are what they are said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from instep.study.where_adam_fails.linear_problems import (
    Examples,
    LinearProblem,
    Loss,
    breast_cancer,
    digits,
    even_digits,
    logistic,
    separable,
    softmax,
    squared_hinge,
    with_kernel,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE_HOT = np.eye(3)[[0, 2]]
SIGNS = np.array([[1.0], [-1.0]])

LOSSES = {
    "logistic": (logistic, [[0.0], [np.log(3.0)]], SIGNS, (np.log(2) + np.log(4)) / 2),
    "logistic, far": (logistic, [[-1e4], [-1e4]], SIGNS, 5e3),
    "squared hinge": (squared_hinge, [[0.5], [2.0]], SIGNS, (0.25 + 9) / 2),
    "squared hinge, apart": (squared_hinge, [[1.0], [-3.0]], SIGNS, 0.0),
    "softmax": (softmax, [[0.0, 0, 0], [0, 0, np.log(2.0)]], ONE_HOT, (np.log(3) + np.log(2)) / 2),
    "softmax, far": (softmax, [[1e4, 0, 0], [1e4, 0, 0]], ONE_HOT, 5e3),
}


@pytest.mark.parametrize(("loss", "scores", "labels", "value"), LOSSES.values(), ids=list(LOSSES))
def test_losses_have_these_values(
    loss: Loss, scores: list[list[float]], labels: NDArray[np.float64], value: float
) -> None:
    assert loss(np.array(scores), labels)[0] == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("loss", [logistic, squared_hinge, softmax])
def test_gradients_are_slopes(loss: Loss) -> None:
    generator = np.random.default_rng(0)
    labels = np.eye(3)[[0, 1, 2, 1]] if loss is softmax else np.where([[1], [0], [1], [0]], 1.0, -1)
    part = Examples(generator.standard_normal((4, 5)), labels)
    problem = LinearProblem("", loss, part, part)
    weights = generator.standard_normal(problem.initial_weights().shape)
    gradient = problem.value_and_gradient(weights, part)[1]
    for index in np.ndindex(weights.shape):
        ahead, behind = weights.copy(), weights.copy()
        ahead[index] += 1e-6
        behind[index] -= 1e-6
        slope = (problem.value(ahead, part) - problem.value(behind, part)) / 2e-6
        assert gradient[index] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("margin", [0.01, 0.5])
def test_separable_data_have_their_margin(margin: float) -> None:
    parts = separable(margin, np.random.default_rng(1))
    normal = np.random.default_rng(1).standard_normal((20, 1))
    problem = LinearProblem("", logistic, *parts, margin)
    assert 1.0 <= problem.relative_margin(normal) < 1.2
    assert problem.relative_margin(3 * normal) == pytest.approx(problem.relative_margin(normal))
    assert problem.relative_margin(-normal) < -1
    assert problem.accuracy(normal) == 1.0
    assert problem.accuracy(-normal) == 0.0


def test_real_data_are_split_without_loss() -> None:
    sizes = {
        breast_cancer: (456, 113, 31, 1),
        digits: (1438, 359, 65, 10),
        even_digits: (800, 997, 65, 1),
    }
    for load, (train_size, test_size, width, columns) in sizes.items():
        training, testing = load(np.random.default_rng(0))
        assert training.features.shape == (train_size, width)
        assert testing.features.shape == (test_size, width)
        assert training.labels.shape[1] == testing.labels.shape[1] == columns


def test_the_kernel_is_that_of_radial_basis_functions() -> None:
    points = [[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]  # squared distances 9, 16, 25: median 16
    training = Examples(np.array(points), np.ones((3, 1)))
    testing = Examples(np.array([[3.0, 4.0]]), np.ones((1, 1)))
    wide, tested = with_kernel(training, testing)
    distances = np.array([[0, 9, 16], [9, 0, 25], [16, 25, 0]])
    np.testing.assert_allclose(wide.features, np.exp(-distances / 16), rtol=1e-14)
    np.testing.assert_allclose(tested.features, np.exp(-np.array([[25, 16, 9]]) / 16), rtol=1e-14)
