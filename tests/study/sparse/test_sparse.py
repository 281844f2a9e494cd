"""``instep study sparse``: its gradients, its problems, and what they must show."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

import instep
from instep.study.progress import Progress
from instep.study.sparse import part
from instep.study.sparse.bags_of_words import (
    BRIGHTNESSES,
    FREQUENT,
    LENGTH,
    VOCABULARY,
    WEIGHTS,
    Bags,
    SparseProblem,
    bayes_loss,
    digits,
    errors_by_occurrences,
    log_loss,
    power_law,
    sigmoid,
)
from instep.study.sparse.learning import LEARNERS, Learner, learn, mean_loss, row_gradients

if TYPE_CHECKING:
    from instep.study.progress import Bar
    from instep.study.report.findings import Findings


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


@pytest.mark.parametrize(
    ("z", "label", "loss"),
    [(0.0, 1.0, np.log(2)), (1000.0, 0.0, 1000.0), (1000.0, 1.0, 0.0), (-1000.0, 1.0, 1000.0)],
)
def test_loss_without_overflow(z: float, label: float, loss: float) -> None:
    assert log_loss(np.array([z]), np.array([label])) == pytest.approx(loss)
    assert sigmoid(np.array(z)) == pytest.approx({0.0: 0.5}.get(z, float(z > 0)))


@pytest.mark.parametrize("title", WEIGHTS)
def test_drawn_documents(title: str) -> None:
    problem = power_law(title, generator(), 3000, 500)
    assert problem.stream.words.shape == (3000, LENGTH)
    assert problem.held_out.words.shape == (500, LENGTH)
    assert problem.occurrences is not None
    assert problem.occurrences.sum() == pytest.approx(3000 * LENGTH)
    counted = np.bincount(problem.stream.words.ravel(), minlength=VOCABULARY)
    expected = problem.occurrences[:10]
    assert np.all(np.abs(counted[:10] - expected) < 6 * np.sqrt(expected))
    # The labels follow the true weights: these do better than any that do not know them.
    assert bayes_loss(problem) < 0.4 < np.log(2)


def test_which_words_tell() -> None:
    told = {title: make(generator()) != 0 for title, make in WEIGHTS.items()}
    assert not told["rare words tell"][:FREQUENT].any()
    assert told["rare words tell"][FREQUENT:].all()
    assert told["all words tell"].all()
    assert told["frequent words tell"][:FREQUENT].all()
    assert not told["frequent words tell"][FREQUENT:].any()


def test_digits_are_words_for_pixel_and_brightness() -> None:
    problem = digits(generator())
    assert len(problem.stream) + len(problem.held_out) == 1797
    for bags in (problem.stream, problem.held_out):
        assert np.array_equal(bags.words // BRIGHTNESSES, np.tile(np.arange(64), (len(bags), 1)))
        assert np.array_equal(bags.labels.sum(axis=1), np.ones(len(bags)))
    assert problem.stream.words.max() < problem.vocabulary


def test_errors_by_occurrences() -> None:
    bags = Bags(np.zeros((1, 1), np.int64), np.zeros((1, 1)))
    occurrences = np.array([1000.0, 1000.0, 10.0])
    problem = SparseProblem("three words", 3, bags, bags, occurrences, np.array([1.0, -1.0, 2.0]))
    places, errors = errors_by_occurrences(problem, np.array([[4.0], [3.0], [0.5]]))
    assert places.tolist() == pytest.approx([10, 1000])
    assert errors.tolist() == pytest.approx([1.5, np.sqrt((9 + 16) / 2)])


@pytest.fixture(scope="module")
def findings() -> Findings:
    return part.run(argparse.Namespace(seed=0, quick=True), Progress())


def test_adagrad_wins_where_rare_words_tell_and_not_where_frequent_do(findings: Findings) -> None:
    sentences = dict(
        re.findall(r"- (\w+) words tell: .* Adagrad's online loss is (.*)", findings.text)
    )
    assert re.match(r"\d\d\.\d% lower", sentences["Rare"])
    assert re.match(r"\d\.\d% higher", sentences["Frequent"])


def test_no_best_rate_at_the_edge_of_its_grid(findings: Findings) -> None:
    assert "edge of the grid" not in findings.text
    assert findings.text.count("words tell | ") == 3 * len(LEARNERS)


def test_same_seed_same_numbers(bar: Bar) -> None:
    def numbers(seed: int) -> list[object]:
        problem = power_law("all words tell", np.random.default_rng(seed), 300, 50)
        runs = [learn(problem, learner, bar) for learner in LEARNERS]
        return [(run.weights.tolist(), run.held_out.tolist()) for run in runs]

    assert numbers(0) == numbers(0)
    assert numbers(0) != numbers(1)
