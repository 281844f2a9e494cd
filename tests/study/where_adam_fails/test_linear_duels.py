"""Who counts as better on a linear problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from instep.study.where_adam_fails.linear_duels import contenders, higher_accuracy, lower_loss
from instep.study.where_adam_fails.linear_training import (
    LINE_SEARCH,
    OPTIMIZERS,
    RATES,
    LinearRun,
)

if TYPE_CHECKING:
    from instep.study.where_adam_fails.linear_training import LinearRuns


def run_of(*losses: float, accuracy: float = 0.5) -> LinearRun:
    return LinearRun(np.array(losses), np.array([accuracy]), 1.0, np.ones(2))


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
