"""What Reddi, Kale & Kumar prove: Adam returns to the worst point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from instep.study.convex.theorem import arrival, play_all
from instep.study.progress import Progress

if TYPE_CHECKING:
    from instep.study.convex.online_linear import Course

SLOPES = (2.001, 2.1, 3.0, 10.0, 1000.0)
STEPS = 3 * 2000


@pytest.fixture(scope="module")
def theorem() -> dict[str, Course]:
    return play_all(SLOPES, STEPS, Progress())


@pytest.mark.parametrize("title", ["Adam, uncorrected", "Adam"])
def test_adam_is_at_exactly_1_before_every_large_gradient(
    theorem: dict[str, Course], title: str
) -> None:
    x = theorem[title].x[:, :, 0]
    assert np.array_equal(x[0::3], np.ones((STEPS // 3, len(SLOPES))))
    assert np.all(x[1::3] < 1.0)  # and has moved between


def test_its_regret_is_at_least_that_of_staying_at_1(theorem: dict[str, Course]) -> None:
    after_triples = theorem["Adam, uncorrected"].regret[2::3, :, 0]
    limit = (2 * np.array(SLOPES) - 4) / 3
    assert np.all(after_triples >= limit)
    # What comes on top are steps of α/√t: their mean is below 2 α/√T times a small number.
    assert np.all(after_triples[-1] - limit < 5 / np.sqrt(STEPS))


@pytest.mark.parametrize("slope", [3.0, 10.0, 1000.0])
@pytest.mark.parametrize("title", ["AMSGrad", "Adagrad", "SGD", "Adam, β₂ = 0.999"])
def test_the_others_go_to_the_best_point(
    theorem: dict[str, Course], title: str, slope: float
) -> None:
    index = SLOPES.index(slope)
    assert arrival(theorem[title], index) is not None
    assert theorem[title].final[index, 0] < -0.95


def test_amsgrad_needs_long_where_the_slopes_nearly_cancel(theorem: dict[str, Course]) -> None:
    assert arrival(theorem["AMSGrad"], SLOPES.index(2.001)) is None
    slow, fast = (arrival(theorem["AMSGrad"], SLOPES.index(slope)) for slope in (2.1, 3.0))
    assert slow is not None
    assert fast is not None
    assert slow > 10 * fast
