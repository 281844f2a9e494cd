"""Features that are seen once: the lemma holds to the bit."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import pytest

import instep
from instep.study.progress import Progress
from instep.study.where_adam_fails import part
from instep.study.where_adam_fails.unique_features import (
    ADAPTIVE,
    draw_labels,
    features,
    fit,
    fit_all,
    without_eps,
)

if TYPE_CHECKING:
    from instep.study.report.findings import Findings


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
    optimizer = kind(weights, lr=rate, **without_eps(kind))
    found = fit(title, optimizer, weights, labels, 600)
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


def test_single_examples_mend_every_rule_but_that_of_the_sign() -> None:
    labels = draw_labels(50, np.random.default_rng(0))
    accuracies = {
        one.title: one.accuracy for one in fit_all(labels, 600, 0) if one.gradients != "all"
    }
    assert accuracies.pop("Lion") == 0.6
    assert set(accuracies.values()) == {1.0}


@pytest.fixture(scope="module")
def found() -> Findings:
    settings = argparse.Namespace(seed=0, quick=True)
    return part.run(settings, Progress())
