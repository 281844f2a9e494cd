"""After a reset, an optimizer is a new one over the arrays as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import (
    Options,
    assert_same,
    copied,
    each_variant,
    make,
    params_of,
    random_arrays,
)
from tests.cases import Array


def parameters() -> list[Array]:
    return random_arrays([np.empty((4, 3), np.float32).T, np.empty(5)[::-1], np.empty(())], seed=0)


def halving(step: int) -> float:
    return 0.5**step


@each_variant
def test_it_goes_on_as_a_new_one(name: str, options: Options) -> None:
    optimizer = make(name, parameters(), **options)
    for seed in range(3):
        optimizer.step(random_arrays(parameters(), seed))
    optimizer.reset()
    new = make(name, copied(params_of(optimizer)), **options)
    assert_same(optimizer.state_dict(), new.state_dict())
    for seed in range(3, 6):
        for each in (optimizer, new):
            each.step(random_arrays(parameters(), seed))
    assert_same(params_of(optimizer), params_of(new))
    assert_same(optimizer.state_dict(), new.state_dict())


def test_counts_and_norms_are_as_at_the_beginning() -> None:
    w = np.ones(3)
    optimizer = instep.Adam(w, clip_norm=1.0, nonfinite="skip")
    optimizer.step(np.ones(3))
    optimizer.step(np.full(3, np.nan))
    optimizer.reset()
    assert (optimizer.steps, optimizer.skipped_steps, optimizer.last_grad_norm) == (0, 0, None)


def test_hyperparameters_and_parameters_stay() -> None:
    first, second = np.ones(3), np.ones(2)
    optimizer = make("RMSprop", [{"params": [first], "lr": 0.5}, {"params": [second]}])
    optimizer.param_groups[1].update(lr=0.25, initial_accumulator_value=0.0)
    optimizer.clip_value = 0.5
    groups = optimizer.param_groups
    optimizer.step([np.ones(3), np.ones(2)])
    before = copied([first, second])
    optimizer.reset()
    assert optimizer.param_groups is groups
    assert [group["lr"] for group in groups] == [0.5, 0.25]
    assert optimizer.clip_value == 0.5
    assert_same([first, second], before)


def test_a_schedule_is_asked_from_0_on() -> None:
    asked: list[int] = []

    def rate(step: int) -> float:
        asked.append(step)
        return 0.5

    optimizer = instep.SGD(np.ones(3), lr=rate)
    for _ in range(2):
        optimizer.step(np.ones(3))
    optimizer.reset()
    optimizer.step(np.ones(3))
    assert asked == [0, 1, 0]


def test_the_last_rate_of_a_schedule_is_forgotten() -> None:
    optimizer = instep.SGD(np.ones(3), lr=halving)
    for _ in range(3):
        optimizer.step(np.ones(3))
    optimizer.reset()
    assert optimizer.state_dict()["param_groups"][0]["lr"] == 1.0


def test_states_are_written_where_they_are() -> None:
    optimizer: Any = instep.Adagrad(np.ones(3), initial_accumulator_value=0.5)
    [[state, _]] = optimizer._states()
    optimizer.step(np.ones(3))
    assert state.tolist() == [1.5] * 3
    optimizer.reset()
    assert optimizer._states()[0][0] is state
    assert state.tolist() == [0.5] * 3


def test_from_within_a_step_it_is_refused() -> None:
    def rate(step: int) -> float:
        optimizer.reset()
        return 0.5

    w = np.ones(3)
    optimizer = instep.SGD(w, lr=rate)
    with pytest.raises(RuntimeError, match="in the middle of a step"):
        optimizer.step(np.ones(3))
    assert w.tolist() == [1.0] * 3
