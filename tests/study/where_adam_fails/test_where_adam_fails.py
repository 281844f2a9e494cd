"""Where Adam fails: the problems are what they are said to be, and the lemma holds to the bit."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import pytest

import instep
from instep.study.progress import Progress
from instep.study.where_adam_fails import part
from instep.study.where_adam_fails.linear_duels import contenders, higher_accuracy, lower_loss
from instep.study.where_adam_fails.linear_problems import (
    Examples,
    LinearProblem,
    Loss,
    breast_cancer,
    digits,
    even_digits,
    logistic,
    problems,
    separable,
    softmax,
    squared_hinge,
    with_kernel,
)
from instep.study.where_adam_fails.linear_training import (
    DEFAULT_RATES,
    LINE_SEARCH,
    OPTIMIZERS,
    RATES,
    LinearRun,
    best_rate,
    train,
    typical,
)
from instep.study.where_adam_fails.unique_features import (
    ADAPTIVE,
    draw_labels,
    features,
    fit,
    fit_all,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from instep.study.report.findings import Findings
    from instep.study.where_adam_fails.linear_training import LinearRuns

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


def test_default_rates_are_those_of_the_classes() -> None:
    weights = np.zeros(1)
    assert {name: kind(weights).lr for name, kind in OPTIMIZERS.items()} == DEFAULT_RATES
    assert set(DEFAULT_RATES.values()) <= set(RATES)


def test_the_line_search_separates_and_a_rate_of_zero_stays() -> None:
    problem = LinearProblem("", squared_hinge, *separable(0.5, np.random.default_rng(0)), 0.5)
    searched = train(problem, LINE_SEARCH, None, 5, (0, 0))
    assert searched.loss < 1e-3
    assert searched.accuracy > 0.99
    assert len(searched.step_sizes) == 50
    assert searched.step_sizes.max() <= 10.0
    still = train(problem, "SGD", 0.0, 2, (0, 0))
    assert still.losses.tolist() == [1.0, 1.0, 1.0]


def run_of(*losses: float, accuracy: float = 0.5) -> LinearRun:
    return LinearRun(np.array(losses), np.array([accuracy]), 1.0, np.ones(2))


def test_typical_is_the_median_also_of_what_diverged() -> None:
    runs = [run_of(2.0, np.inf), run_of(1.0, 0.5), run_of(4.0, 0.25)]
    assert typical(runs).losses.tolist() == [2.0, 0.5]


def test_the_best_rate_has_the_least_loss_and_is_the_smallest_such() -> None:
    assert best_rate({1.0: run_of(0.0), 0.1: run_of(0.0), 0.01: run_of(0.5)}) == 0.1
    assert best_rate({1.0: run_of(np.inf), 0.1: run_of(9.0)}) == 0.1


@pytest.mark.parametrize(
    ("loss", "other", "result"),
    [(1.0, 2.1, 1), (1.0, 1.9, 0), (2.1, 1.0, -1), (0.0, 1e-10, 0), (0.0, 1e-9, 1), (1, np.inf, 1)],
)
def test_losses_compare_by_a_factor_of_two(loss: float, other: float, result: int) -> None:
    assert lower_loss(run_of(loss), run_of(other)) == result


@pytest.mark.parametrize(
    ("accuracy", "other", "result"), [(0.95, 0.94, 0), (0.951, 0.94, 1), (0.93, 0.95, -1)]
)
def test_accuracies_compare_by_a_point(accuracy: float, other: float, result: int) -> None:
    runs = run_of(1.0, accuracy=accuracy), run_of(1.0, accuracy=other)
    assert higher_accuracy(*runs) == result


def test_contenders_are_default_and_best() -> None:
    runs: dict[float | None, LinearRun] = {rate: run_of(abs(rate - 0.1)) for rate in RATES}
    by_optimizer: LinearRuns = dict.fromkeys(OPTIMIZERS, runs)
    by_optimizer[LINE_SEARCH] = {None: run_of(1.0)}
    rates = {name: entry.rate for name, entry in contenders(by_optimizer).items()}
    assert rates["Adam, default"] == 1e-3
    assert rates["RMSprop, default"] == 1e-2
    assert rates["Adam, tuned"] == 0.1
    assert rates[LINE_SEARCH] is None


def test_unique_features_are_wilsons() -> None:
    np.testing.assert_array_equal(
        features(np.array([1.0, -1.0, 1.0])),
        [
            [1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
            [-1, 1, 1, 0, 1, 1, 1, 1, 1, 0],
            [1, 1, 1, 0, 0, 0, 0, 0, 0, 1],
        ],
    )


@pytest.mark.parametrize("title", ADAPTIVE)
def test_lemma_full_gradients_lead_to_multiples_of_the_sign(title: str) -> None:
    labels = draw_labels(20, np.random.default_rng(0))
    matrix = features(labels)
    weights = np.zeros(matrix.shape[1])
    kind, rate = ADAPTIVE[title]
    optimizer = kind(weights, lr=rate, eps=0.0)
    found = fit(title, optimizer, weights, labels, 100)
    np.testing.assert_allclose(weights, weights[0] * np.sign(matrix.T @ labels), rtol=1e-6)
    assert weights[0] == pytest.approx(0.25, rel=0.02)
    assert found.negative_scores[-1] == pytest.approx(0.25, rel=0.02)
    assert found.accuracy == 0.6


def test_sgd_reaches_the_solution_of_least_norm() -> None:
    labels = draw_labels(20, np.random.default_rng(0))
    matrix = features(labels)
    weights = np.zeros(matrix.shape[1])
    found = fit("SGD", instep.SGD(weights, lr=0.1), weights, labels, 2000)
    np.testing.assert_allclose(weights, np.linalg.pinv(matrix) @ labels, atol=1e-9)
    assert found.accuracy == 1.0


def test_single_examples_are_drawn_alike_for_every_optimizer() -> None:
    labels = draw_labels(10, np.random.default_rng(0))
    first, again = (fit_all(labels, 20, 3) for _ in range(2))
    assert {one.title for one in first} == {*ADAPTIVE, "SGD", "SGD, line search"}
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.losses, other.losses)


@pytest.fixture(scope="module")
def found() -> Findings:
    settings = argparse.Namespace(seed=0, quick=True)
    return part.run(settings, Progress())


def test_the_part_tells_what_it_measured(found: Findings) -> None:
    assert "SGD, line search, against Adam, default: lower loss on" in found.text
    assert {picture.name for picture in found.pictures} == {
        *("margins", "data", "step-sizes", "unique-features"),
    }
    training = list(found.curves[0].rows())
    # 8 problems, 6 optimizers with 5 rates and one line search, 5 epochs and the start.
    assert len(training) == 8 * 31 * 6


def test_the_same_seed_trains_the_same() -> None:
    def find() -> list[list[float]]:
        drawn = problems(np.random.default_rng(0), (0.5,))
        return [train(each, "Adam", 0.1, 2, (0, 0)).losses.tolist() for each in drawn]

    assert find() == find()
