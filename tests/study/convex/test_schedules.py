"""Schedules and means: the loss that is known, means that are means, and who needs the end."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import instep
from instep.study.convex import schedules
from instep.study.convex.schedules import (
    CONTESTANTS,
    DISTANCE,
    NOISE,
    RATES,
    STREAMS,
    VARIANCES,
    Contestant,
    Training,
    examples,
    lengths,
    loss,
    solutions,
    train,
    train_all,
)
from instep.study.progress import Progress

BY_TITLE = {contestant.title: contestant for contestant in CONTESTANTS}


def end(contestant: Contestant, steps: int, seed: int = 0) -> Training:
    return train(contestant, steps, seed, Progress().bar("test", 1))


def test_the_loss_is_the_mean_absolute_error_above_that_of_the_solution() -> None:
    distances = solutions(0)[0]
    errors = [
        np.abs(features @ distances - noise) - np.abs(noise)
        for streams, noises in examples(0, 5000)
        for features, noise in zip(streams, noises, strict=True)
    ]
    spread = np.std(errors) / np.sqrt(len(errors))
    assert loss(distances) == pytest.approx(np.mean(errors), abs=4 * spread)
    assert loss(np.zeros(len(VARIANCES))) == 0.0


def test_solutions_are_as_far_as_they_are_said_to_be() -> None:
    assert np.linalg.norm(solutions(3), axis=1) == pytest.approx(np.full(STREAMS, DISTANCE))


def test_all_contestants_learn_from_the_same_examples() -> None:
    one, other = (np.concatenate([noise for _, noise in examples(5, 2100)]) for _ in range(2))
    assert np.array_equal(one, other)
    assert len(one) == 2100 * STREAMS
    assert np.std(one) == pytest.approx(NOISE, rel=0.05)


def test_asgd_is_the_mean_of_sgds_points() -> None:
    points: list[np.ndarray] = []
    means: list[np.ndarray] = []

    def remember(kept: list[np.ndarray], contestant: Contestant) -> Contestant:
        def learned(optimizer: instep.Optimizer, weights: np.ndarray) -> np.ndarray:
            kept.append(contestant.learned(optimizer, weights).copy())
            return kept[-1]

        return dataclasses.replace(contestant, learned=learned)

    for kept, title in ((points, "SGD"), (means, "ASGD")):
        end(remember(kept, BY_TITLE[title]), 9)
    assert len(points) == len(means) == 9  # every example is a mark
    counts = np.arange(1, 10)[:, None, None, None]
    np.testing.assert_allclose(means, np.cumsum(points, axis=0) / counts, rtol=1e-9, atol=1e-15)


def test_a_schedule_that_ends_has_done_so_at_the_last_example() -> None:
    for title in ("SGD, linear", "SGD, cosine"):
        schedule = BY_TITLE[title].schedule(0.5, 100)
        assert schedule(0) == 0.5
        assert 0 < schedule(99) < 0.01
        assert schedule(100) == 0.0


def test_a_training_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first step from 0 goes by the rate times the features, towards the label.
    monkeypatch.setattr(schedules, "RATES", (0.25,))
    training = end(BY_TITLE["SGD"], 1)
    ((features, noise),) = examples(0, 1)
    signs = np.sign(np.einsum("sk,sk->s", -solutions(0), features) - noise)
    expected = loss(-0.25 * signs[:, None] * features - solutions(0)).mean()
    assert training.losses.tolist() == [[pytest.approx(expected, rel=1e-12)]]


def test_without_an_end_it_is_nearly_as_good_and_never_far_behind() -> None:
    trainings = train_all(0, 2000, Progress())
    assert {title: list(each) for title, each in trainings.items()} == {
        title: lengths(contestant, 2000) for title, contestant in BY_TITLE.items()
    }
    ends = {title: each[2000].losses[:, -1].min() for title, each in trainings.items()}
    assert ends["ScheduleFreeSGD"] < 0.5 * ends["SGD"]
    assert ends["ScheduleFreeSGD"] < 3 * ends["SGD, cosine"]
    assert ends["ScheduleFreeAdamW"] < 3 * ends["Adam, cosine"]
    cosine, free = (trainings[title][2000] for title in ("SGD, cosine", "ScheduleFreeSGD"))
    early = int(np.argmin(np.abs(free.marks - 700)))
    assert free.losses[free.best, early] < cosine.losses[cosine.best, early]


def test_no_best_rate_is_at_an_end_of_the_grid() -> None:
    for title, by_length in train_all(1, 2000, Progress()).items():
        for length, training in by_length.items():
            assert 0 < training.best < len(RATES) - 1, (title, length)


def test_same_seed_same_numbers() -> None:
    one, again, other = (end(BY_TITLE["ScheduleFreeSGD"], 30, seed).losses for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
