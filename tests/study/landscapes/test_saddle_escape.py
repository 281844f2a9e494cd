"""The saddle holds for as long as theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from instep.study.landscapes import saddle_escape
from instep.study.landscapes.saddle_escape import DIRECTIONS, LR, escape_times
from instep.study.optimizers import BY_SIGN, at_one_rate


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=list(DIRECTIONS))
def test_sgd_leaves_a_ridge_of_any_direction_at_the_rate_of_its_growth(
    direction: tuple[float, float],
) -> None:
    assert math.hypot(*direction) == pytest.approx(1, abs=1e-15)
    # The distance y from the ridge becomes y (1 + 2 lr − lr y²), whatever happens along it.
    distances = np.array([1e-1, 1e-4, 1e-8, 1e-12])
    expected = []
    for distance in distances.tolist():
        iterations = 0
        while distance <= saddle_escape.ESCAPED:
            distance *= 1 + 2 * LR - LR * distance * distance
            iterations += 1
        expected.append(iterations)
    times = escape_times(at_one_rate(LR)["SGD"], distances, direction, limit=2000)
    np.testing.assert_allclose(times, expected, atol=1)
    assert (times[3] - times[2]) / 4 == pytest.approx(math.log(10) / math.log(1.02), abs=0.5)


def test_a_rule_that_divides_by_the_gradient_does_not_feel_the_distance_along_an_axis() -> None:
    # Adam's first step is lr in each coordinate, whatever the gradient is, as long as eps is less.
    distances = np.array([1e-3, 1e-5, 1e-7])
    adam = at_one_rate(LR)["Adam"]
    assert np.ptp(escape_times(adam, distances, (1.0, 0.0), 1000)) <= 1
    assert np.ptp(escape_times(adam, distances, DIRECTIONS["at 45° to the axes"], 1000)) > 100


def test_lion_leaves_along_an_axis_by_equal_steps() -> None:
    rate, distances = 2.0**-6, np.array([0.5, 0.25, 2.0**-20])
    lion = at_one_rate(rate, BY_SIGN)["Lion"]
    # It is farther than 1 away one step after it has come to 1, or to the number before.
    assert escape_times(lion, distances, (1.0, 0.0), 1000).tolist() == [33, 49, 64]


@pytest.mark.parametrize("title", BY_SIGN)
def test_a_sign_points_along_a_ridge_at_45_degrees_and_nowhere_else(title: str) -> None:
    rule = at_one_rate(LR, BY_SIGN)[title]
    near, far = np.array([1e-12]), np.array([0.1])
    turned = DIRECTIONS["at 45° to the axes"]
    assert escape_times(rule, far, turned, 2000) < 200
    assert escape_times(rule, near, turned, 2000) == 2001
    assert escape_times(rule, near, DIRECTIONS["at 30° to the axes"], 2000) < 200


def test_what_does_not_leave_is_told() -> None:
    times = escape_times(at_one_rate(LR)["SGD"], np.array([1e-1, 1e-12]), (1.0, 0.0), 200)
    assert times[0] <= 200
    assert times[1] == 201
