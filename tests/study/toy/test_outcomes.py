"""The cubic: endings as they are told, and rests that are rests."""

from __future__ import annotations

import numpy as np
import pytest

from instep.study.toy.outcomes import OPTIMIZERS, gradient, outcome

STARTS = np.array([0.05, 0.4, 0.95])


def test_the_gradient_is_the_slope_of_the_cubic() -> None:
    x = np.linspace(-1, 3, 41)
    slope = np.imag((x + 1e-30j) ** 3 - 3 * (x + 1e-30j) ** 2 + 4) / 1e-30
    np.testing.assert_allclose(gradient(x), slope, rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(gradient(np.array([0.0, 2.0])), [0.0, 0.0])


@pytest.mark.parametrize("title", OPTIMIZERS)
def test_starts_together_go_as_each_goes_alone(title: str) -> None:
    together = outcome(title, STARTS, 500)
    for element, start in enumerate(STARTS):
        alone = outcome(title, np.array([start]), 500)
        np.testing.assert_array_equal(
            together.record.positions[:, element], alone.record.positions[:, 0]
        )
        assert together.endings[element] == alone.endings[0]


def test_sgd_ends_where_its_linear_rate_says() -> None:
    # Near 2, where f″ = 6, a step leaves 0.94 of the distance. What it takes away is first less
    # than 10⁻¹² of 2 at a distance of between 0.94 and 1 times 2·10⁻¹² / 0.06. It stops for good
    # where 0.06 of the distance rounds to nothing.
    found = outcome("SGD", STARTS, 2000)
    left = found.at_ending / (2e-12 / 0.06)
    assert ((left > 0.94 * 0.94 - 1e-4) & (left < 0.94 + 1e-4)).all()
    assert {ending.how for ending in found.endings} == {"small change"}
    assert None not in found.rests
    spacing = np.spacing(1.5)  # of float64 from 1 to 2
    np.testing.assert_array_less(0.06 * found.lasting, 0.51 * spacing)


def test_the_endings_keep_their_definition() -> None:
    for title in OPTIMIZERS:
        found = outcome(title, STARTS, 3000)
        for path, ending in zip(found.record.positions.T, found.endings, strict=True):
            changes = np.abs(np.diff(path)) / np.abs(path[:-1])
            assert (changes[: ending.iteration - 1] >= 1e-12).all(), title
            if ending.how == "small change":
                assert 0 < changes[ending.iteration - 1] < 1e-12, title
