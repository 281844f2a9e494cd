"""Games: points, means and regrets by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import instep
from instep.schedules import InverseSquareRoot
from instep.study.convex.online_linear import CHUNK, chunks, play
from instep.study.progress import Progress
from instep.study.report.iterations import logarithmic_marks

if TYPE_CHECKING:
    from instep.study.progress import Bar


@pytest.fixture(scope="module")
def bar() -> Bar:
    return Progress().bar("test", 1)


def test_regret_by_hand(bar: Bar) -> None:
    gradients = np.array([3.0, -1.0, -1.0]).reshape(3, 1, 1)
    course = play(instep.SGD, [{"lr": 0.5}], [gradients], np.array([1, 2, 3]), start=0.5, bar=bar)
    # Played 0.5, −1 (from 0.5 − 1.5), −0.5; paid 1.5, 1, 0.5; the best fixed point pays
    # −3, −2, −1.
    assert course.x[:, 0, 0].tolist() == [0.5, -1.0, -0.5]
    assert course.mean[:, 0, 0].tolist() == pytest.approx([0.5, -0.25, -1 / 3])
    assert course.regret[:, 0, 0].tolist() == pytest.approx([4.5, (2.5 + 2) / 2, (3 + 1) / 3])
    assert course.final[0, 0] == 0.0


def test_sums_go_on_over_chunks(bar: Bar) -> None:
    steps = 2 * CHUNK + 100
    marks = logarithmic_marks(steps)
    whole = np.ones((steps, 1, 1))
    pieces = [whole[: len(iterations)] for iterations in chunks(steps)]
    assert len(pieces) == 3
    course = play(instep.SGD, [{"lr": 0.0}], pieces, marks, start=0.5, bar=bar)
    assert course.mean[:, 0, 0].tolist() == pytest.approx(np.full(len(marks), 0.5))
    assert course.regret[:, 0, 0].tolist() == pytest.approx(np.full(len(marks), 1.5))


def test_groups_have_their_own_rates(bar: Bar) -> None:
    gradients = np.full((1, 1, 2), 1.0)
    groups: list[dict[str, Any]] = [{"lr": 0.25}, {"lr": InverseSquareRoot(0.5)}]
    course = play(instep.SGD, groups, [gradients], np.array([1]), start=0.0, bar=bar)
    assert course.final.tolist() == [[-0.25, -0.25], [-0.5, -0.5]]
