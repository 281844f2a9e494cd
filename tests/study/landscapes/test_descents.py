"""Descents take the optimizer's steps, and are judged as they should be."""

from __future__ import annotations

import math

import numpy as np
import pytest

import instep
from instep.study.landscapes.descents import DONE, best_descent, descend, done, unevenness
from instep.study.landscapes.surfaces import SURFACES

ROSENBROCK, *_, SADDLE = SURFACES


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


def test_lion_moves_equally_far_along_both_axes_and_sgd_as_far_as_the_slopes_are() -> None:
    lr = 2.0**-7
    lion, sgd = (
        descend(optimizer, lr, SADDLE, steps=200) for optimizer in (instep.Lion, instep.SGD)
    )
    np.testing.assert_allclose(np.abs(np.diff(lion, axis=0)), lr, rtol=1e-12)
    np.testing.assert_allclose(unevenness(lion), 1.0, rtol=1e-12)
    assert unevenness(sgd)[0] == pytest.approx(2 * 1.5 / (2 * 1e-6), rel=1e-6)


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
