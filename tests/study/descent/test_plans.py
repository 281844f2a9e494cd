"""What is compared: where the rates end, and how a run's numbers are summed up."""

from __future__ import annotations

import numpy as np
import pytest

from instep.study.descent.least_squares import LeastSquares
from instep.study.descent.plans import Stationarity, bound, log_log_slope, schedule_plan

ONE_WEIGHT = LeastSquares(np.ones((2, 1)), np.array([1.0, -1.0]))
"""f(w) = ½ w² + ½; gradients of single examples are w ∓ 1."""


def test_schedules_end_at_twice_and_a_quarter_of_the_critical_value() -> None:
    critical = ONE_WEIGHT.critical_c()
    ends = [plan.rate(10**9) * 10**9 / critical for plan in schedule_plan(ONE_WEIGHT)[1:]]  # type: ignore[operator]
    assert ends == pytest.approx([2.0, 2.0, 0.25], rel=1e-3)


def test_stationarity_has_the_least_and_the_mean_so_far() -> None:
    found = Stationarity.of("", np.array([4.0, 2.0, 3.0, 1.0]))
    assert found.times.tolist() == [2, 3, 4] or found.times.tolist() == [2, 3]
    assert found.least[:2].tolist() == [2.0, 2.0]
    assert found.mean[:2].tolist() == [3.0, 3.0]


def test_slopes_are_exponents() -> None:
    times = np.arange(1, 1000)
    assert log_log_slope(times, np.array(5.0 / np.sqrt(times))) == pytest.approx(-0.5)
    assert bound(np.array([1, 100])).tolist() == pytest.approx([0.0, np.log(100) / 10])
