"""What their experiment shows: who goes to which end of the interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from instep.study.convex.experiment import Result, play_all
from instep.study.progress import Progress

if TYPE_CHECKING:
    from instep.study.arrays import Doubles


@pytest.fixture(scope="module")
def experiment() -> list[Result]:
    return play_all(0, 300, Progress())


def final(experiment: list[Result], title: str, rate: str, game: str = "periodic") -> Doubles:
    (found,) = (
        result
        for result in experiment
        if (result.title, result.rate, result.game) == (title, rate, game)
    )
    return found.final


@pytest.mark.parametrize("title", ["Adam", "Adam, uncorrected", "RMSprop"])
@pytest.mark.parametrize("rate", ["1/√t", "0.002"])
def test_adam_and_rmsprop_go_to_the_worst_point(
    experiment: list[Result], title: str, rate: str
) -> None:
    assert final(experiment, title, rate)[0] > 0.95


@pytest.mark.parametrize("rate", ["1/√t", "0.1/√t", "0.002"])
def test_amsgrad_goes_the_other_way(experiment: list[Result], rate: str) -> None:
    assert final(experiment, "AMSGrad", rate)[0] < -0.03


def test_chance_does_not_save_adam(experiment: list[Result]) -> None:
    adam, amsgrad = (
        final(experiment, title, "1/√t", "stochastic") for title in ("Adam", "AMSGrad")
    )
    assert np.median(adam) > 0.8
    assert np.median(amsgrad) < -0.2


def numbers(seed: int) -> list[object]:
    return [
        (result.x.tolist(), result.regret.tolist(), result.final.tolist())
        for result in play_all(seed, 20, Progress())
    ]


def test_same_seed_same_numbers() -> None:
    assert numbers(0) == numbers(0)


def test_other_seed_other_numbers() -> None:
    assert numbers(0) != numbers(1)
