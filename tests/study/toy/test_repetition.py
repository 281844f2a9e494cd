"""What repeats is found, and by which condition a search ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import instep
from instep.study.toy.repetition import (
    CYCLE,
    LIMIT,
    SMALL_CHANGE,
    UNCHANGED,
    Ending,
    Record,
    follow,
)

TOLERANCE = 1e-12


def record(*path: float, period: int = 0) -> Record:
    return Record(np.array(path)[:, np.newaxis], np.array([period]))


@pytest.mark.parametrize(
    ("found", "ending"),
    [
        (record(4, 3, 2, 1), Ending(3, LIMIT)),
        (record(4, 3, 3, 3), Ending(2, UNCHANGED)),
        (record(0, 0, 1), Ending(1, UNCHANGED)),
        (record(4, 3, 3 + 2e-12, 9), Ending(2, SMALL_CHANGE)),
        (record(4, 3, 3 + 4e-12, 9), Ending(3, LIMIT)),
        (record(-4, -3, -3 - 2e-12, 9), Ending(2, SMALL_CHANGE)),
        (record(9, 8, 1, 2, 1, 2, 1, period=2), Ending(4, CYCLE)),
        (record(1, 2, 3, 1, 2, 3, period=3), Ending(3, CYCLE)),
    ],
)
def test_a_search_ends_at_the_first_condition_that_holds(found: Record, ending: Ending) -> None:
    assert found.ending(0, TOLERANCE) == ending


@pytest.mark.parametrize(
    ("path", "at_least", "since"),
    [((3, 2, 2, 2), 2, 1), ((3, 2, 2, 2), 3, None), ((2, 2, 2), 2, 0), ((2, 2, 3, 2), 1, None)],
)
def test_what_has_not_moved_for_long_enough_rests(
    path: tuple[float, ...], at_least: int, since: int | None
) -> None:
    assert record(*path).rest(0, at_least) == since


def test_the_elements_of_an_array_are_problems_of_their_own() -> None:
    # On a parabola, lr = 1 mirrors x at 0 for ever, and 0 stays where it is.
    x = np.array([0.5, 0.0, -3.0])
    found = follow(instep.SGD(x, lr=1.0), x, lambda x: 2 * x, iterations=20)
    assert found.periods.tolist() == [2, 0, 2]
    np.testing.assert_array_equal(found.positions[1], [-0.5, 0.0, 3.0])
    endings = [found.ending(element, TOLERANCE) for element in range(3)]
    assert endings == [Ending(2, CYCLE), Ending(1, UNCHANGED), Ending(2, CYCLE)]


@given(period=st.integers(2, 40), before=st.integers(0, 30))
def test_every_cycle_is_found(period: int, before: int) -> None:
    # SGD with lr = 1 adds minus the gradient: up by 1, and back from the last place of the cycle.
    x = np.array([-float(before)])
    found = follow(
        instep.SGD(x, lr=1.0),
        x,
        lambda x: np.where(x == period - 1, period - 1.0, -1.0),
        iterations=4 * (before + period),
    )
    assert found.periods.tolist() == [period]
    assert found.ending(0, TOLERANCE) == Ending(before + period, CYCLE)


def test_a_position_that_is_back_with_another_state_is_no_cycle() -> None:
    # x goes 0, 1, 2, 3, 2: with the momentum buffer at −1 the first time, at 1 the second.
    gradients = iter([-1.0, -0.5, -0.5, 1.5])
    x = np.array([0.0])
    optimizer = instep.SGD(x, lr=1.0, momentum=0.5)
    found = follow(optimizer, x, lambda _: np.array([next(gradients)]), iterations=4)
    assert found.positions.ravel().tolist() == [0, 1, 2, 3, 2]
    assert found.periods.tolist() == [0]


@pytest.mark.parametrize(
    ("bias_correction", "iterations", "period"), [(False, 200, 2), (True, 200, 0), (True, 300, 2)]
)
def test_the_count_of_steps_belongs_to_the_state_while_it_corrects_the_bias(
    bias_correction: bool, iterations: int, period: int
) -> None:
    # eps outweighs v, so that steps of 1 lead to and fro with v = 1 whatever the correction is. The
    # correction is 1 in float64 once 0.75ᵗ is less than 2⁻⁵⁴: from iteration 131 on, between 128
    # and 256, where what the algorithm compares with is taken.
    x = np.array([0.5])
    optimizer = instep.Adam(
        x, lr=2.0**100, betas=(0.0, 0.75), eps=2.0**100, bias_correction=bias_correction
    )
    state = optimizer.state_dict()
    state["state"][0]["exp_avg_sq"][...] = 1
    optimizer.load_state_dict(state)
    found = follow(optimizer, x, np.sign, iterations)
    assert found.positions[:3].ravel().tolist() == [0.5, -0.5, 0.5]
    assert found.periods.tolist() == [period]
