"""Learning from rows: gradients against differences, steps by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import instep
from instep.study.progress import Progress
from instep.study.sparse.bags_of_words import (
    Bags,
    SparseProblem,
    power_law,
    sigmoid,
)
from instep.study.sparse.learning import LEARNERS, Learner, learn, mean_loss, row_gradients

if TYPE_CHECKING:
    from instep.study.progress import Bar


@pytest.fixture(scope="module")
def bar() -> Bar:
    return Progress().bar("test", 1)


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("labels", [[1.0], [0.0], [1.0, 0.0, 1.0]])
def test_gradients_against_finite_differences(labels: list[float]) -> None:
    weights = generator().normal(size=(2, 7, len(labels)))
    words, labels_ = np.array([5, 1, 5, 0]), np.array(labels)
    bags = Bags(words[None], labels_[None])
    losses, gradients = row_gradients(weights, words, labels_)
    for table, loss, gradient in zip(weights, losses, gradients, strict=True):
        assert loss == pytest.approx(mean_loss(table, bags))
        dense = np.zeros_like(table)
        np.add.at(dense, gradient.rows, gradient.values)
        for index in np.ndindex(table.shape):
            ahead, behind = table.copy(), table.copy()
            ahead[index] += 1e-6
            behind[index] -= 1e-6
            slope = (mean_loss(ahead, bags) - mean_loss(behind, bags)) / 2e-6
            assert dense[index] == pytest.approx(slope, abs=1e-8), index


def test_a_step_by_hand(bar: Bar) -> None:
    # The example's words are 1 (once) and 2 (twice), its label 1: from weights of 0 the gradient is
    # −1/2 and −1; Adagrad's first step is the rate times its sign.
    bags = Bags(np.array([[2, 1, 2]]), np.array([[1.0]]))
    problem = SparseProblem("one document", 4, bags, bags)
    sgd = learn(problem, Learner("SGD", instep.SGD, range(2)), bar)
    assert sgd.weights[:, :, 0].tolist() == [[0, 0.5, 1, 0], [0, 1, 2, 0]]
    adagrad = learn(problem, Learner("Adagrad", instep.Adagrad, range(1)), bar)
    assert adagrad.weights[0, :, 0].tolist() == pytest.approx([0, 1, 1, 0], rel=1e-9)
    assert adagrad.online.tolist() == pytest.approx([np.log(2)])  # paid before the step
    assert adagrad.held_out[0].tolist() == pytest.approx([-np.log(sigmoid(np.array(3.0)))])


def test_same_seed_same_numbers(bar: Bar) -> None:
    def numbers(seed: int) -> list[object]:
        problem = power_law("all words tell", np.random.default_rng(seed), 300, 50)
        runs = [learn(problem, learner, bar) for learner in LEARNERS]
        return [(run.weights.tolist(), run.held_out.tolist()) for run in runs]

    assert numbers(0) == numbers(0)
    assert numbers(0) != numbers(1)
