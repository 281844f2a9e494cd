"""What is told of slices that are made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from instep.study.handwriting.data import Digits, LabelledImages
from instep.study.handwriting.training import Schedule
from instep.study.loss_surface.text import RISE, describe, edge, rank_correlation
from tests.study.loss_surface.made_up import BOWL, made_up


def test_the_report_measures_the_basin() -> None:
    """Of 25 points of the bowl those up to 0.5 above the centre are the 3 by 3 around it."""
    assert RISE == 0.5
    part = LabelledImages(np.zeros((8, 2, 2, 1), np.float32), np.zeros(8, np.int32))
    slices = [made_up("adam", BOWL, 0.5), made_up("sgd", BOWL / 8, 0.75)]
    text = describe(slices, Digits("made-up", part, part), Schedule(1, 4, 0), "A network", 8)
    assert "| Adam | 0.25 | 0.125 | 50.0% | 4.00 | 1.38 | 36.0% |" in text
    assert "SGD (100.0%) and Adam (36.0%)" in " ".join(text.split())
    assert "test accuracy is 1.00" in text


def test_the_edge_is_the_outermost_ring() -> None:
    assert sorted(edge(made_up("adam", np.arange(9.0).reshape(3, 3)))) == [0, 1, 2, 3, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("first", "second", "coefficient"),
    [
        ([1, 2, 3], [10, 20, 30], 1.0),
        ([1, 2, 3], [1, 0, -5], -1.0),
        ([1, 2, 3, 4], [2, 1, 4, 3], 0.6),
        ([1, 2, 2, 3], [1, 2, 2, 3], 1.0),
        ([1, 1], [1, 2], math.nan),
    ],
)
def test_rank_correlation(first: list[float], second: list[float], coefficient: float) -> None:
    assert rank_correlation(first, second) == pytest.approx(coefficient, nan_ok=True)
