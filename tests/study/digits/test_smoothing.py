"""The running geometric mean of losses."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.study.digits.smoothing import SMALLEST, SmoothedLoss

SPANS = st.floats(0, 100)
LOSSES = st.floats(1e-6, 1e6)


def smooth(losses: list[float], span: float) -> list[float]:
    smoothed = SmoothedLoss(span)
    return [smoothed.update(loss) for loss in losses]


@given(loss=LOSSES, span=SPANS, count=st.integers(1, 50))
def test_the_mean_of_equal_losses_is_that_loss(loss: float, span: float, count: int) -> None:
    assert smooth([loss] * count, span) == pytest.approx([loss] * count)


@given(losses=st.lists(LOSSES, min_size=1), span=SPANS, factor=st.floats(1e-3, 1e3))
def test_scaled_losses_have_a_scaled_mean(losses: list[float], span: float, factor: float) -> None:
    scaled = smooth([factor * loss for loss in losses], span)
    assert scaled == pytest.approx([factor * mean for mean in smooth(losses, span)])


@given(losses=st.lists(LOSSES, min_size=1), span=SPANS)
def test_the_mean_stays_among_the_losses(losses: list[float], span: float) -> None:
    for mean in smooth(losses, span):
        assert min(losses) * 0.999 <= mean <= max(losses) * 1.001


def test_a_peak_is_forgotten() -> None:
    means = smooth([1e6] + [1.0] * 60, span=5)
    assert means == sorted(means, reverse=True)
    assert means[-1] == pytest.approx(1.0, rel=1e-3)


def test_a_loss_of_zero_counts_as_the_smallest() -> None:
    assert smooth([0.0], span=5) == pytest.approx([SMALLEST])


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_where_the_loss_is_not_finite_the_mean_is_not_either(loss: float) -> None:
    first, gap, last = smooth([2.0, loss, 2.0], span=5)
    assert first == pytest.approx(2.0)
    assert math.isnan(gap)
    assert last == pytest.approx(2.0)
