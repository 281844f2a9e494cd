"""Bags of words: what is drawn, what tells, and what an error of the weights is."""

from __future__ import annotations

import numpy as np
import pytest

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


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


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
