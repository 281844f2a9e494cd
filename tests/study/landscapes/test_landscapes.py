"""Descents are judged as they should be, and the saddle holds for as long as theory says."""

from __future__ import annotations

import argparse
import math

import numpy as np
import pytest

import instep
from instep.study.landscapes import part, saddle_escape
from instep.study.landscapes.descents import DONE, best_descent, descend, done
from instep.study.landscapes.saddle_escape import DIRECTIONS, LR, escape_times
from instep.study.landscapes.surfaces import SURFACES
from instep.study.optimizers import VARIANTS, at_one_rate
from instep.study.progress import Progress

ROSENBROCK, *_, SADDLE = SURFACES
QUICK = argparse.Namespace(seed=0, quick=True)


@pytest.mark.parametrize(
    ("losses", "iteration"),
    [
        ((1, 1, 1), None),
        ((1, DONE / 2, DONE / 2), 1),
        ((1, DONE / 2, DONE, DONE / 2), 3),
        ((1, DONE / 2, DONE), None),
        ((math.inf, DONE / 2), 1),
        ((0, 0), 0),
    ],
)
def test_a_descent_is_done_when_it_stays_low(
    losses: tuple[float, ...], iteration: int | None
) -> None:
    assert done(np.array(losses, float)) == iteration


def test_a_descent_takes_the_optimizers_steps() -> None:
    path = descend(instep.SGD, 0.25, SADDLE, steps=2)
    x, y = SADDLE.start
    expected = [(x, y)]
    for _ in range(2):
        x, y = x - 0.25 * (2 * x), y - 0.25 * (y**3 - 2 * y)
        expected.append((x, y))
    np.testing.assert_array_equal(path, expected)


def test_the_first_rate_to_be_done_is_taken_and_divergence_is_none() -> None:
    # The steepest slope at the minima is 4, so that rates under 0.5 end; 10 leads to infinity.
    rates = (0.05, 0.25, 10.0)
    one_by_one = [best_descent("SGD", (rate,), SADDLE, 200) for rate in rates]
    together = best_descent("SGD", rates, SADDLE, 200)
    finished = [each for each in one_by_one if each.done is not None]
    assert together.working == len(finished) == 2
    assert together.done == min(each.done or 0 for each in finished)
    assert one_by_one[-1].losses[-1] == math.inf


def test_where_no_rate_is_done_the_lowest_loss_decides() -> None:
    rates = (1e-4, 1e-3, 10.0)
    found = best_descent("SGD", rates, ROSENBROCK, 50)
    ends = [best_descent("SGD", (rate,), ROSENBROCK, 50).losses[-1] for rate in rates]
    assert found.done is None
    assert found.losses[-1] == min(ends) == ends[1]


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


def test_what_does_not_leave_is_told() -> None:
    times = escape_times(at_one_rate(LR)["SGD"], np.array([1e-1, 1e-12]), (1.0, 0.0), 200)
    assert times[0] <= 200
    assert times[1] == 201


def test_the_part_has_a_picture_of_each_surface_and_finds_the_same_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(part, "QUICK_RATES", (1e-3, 1e-1))
    found = []
    for _ in range(2):
        with Progress() as progress:
            findings = part.run(QUICK, progress)
        assert [picture.name for picture in findings.pictures] == [
            *(surface.name for surface in SURFACES),
            "losses",
            "escapes",
        ]
        found.append((findings.text, [list(curves.rows()) for curves in findings.curves]))
    assert found[0] == found[1]
    for title in VARIANTS:
        assert found[0][0].count(f"| {title} |") == len(SURFACES) + 1
