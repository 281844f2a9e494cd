"""The training of linear models: rates, the line search, what is typical of several draws."""

from __future__ import annotations

import numpy as np

from instep.study.where_adam_fails.linear_problems import (
    LinearProblem,
    problems,
    separable,
    squared_hinge,
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


def test_the_same_seed_trains_the_same() -> None:
    def find() -> list[list[float]]:
        drawn = problems(np.random.default_rng(0), (0.5,))
        return [train(each, "Adam", 0.1, 2, (0, 0)).losses.tolist() for each in drawn]

    assert find() == find()
