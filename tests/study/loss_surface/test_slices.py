"""Slices of the loss: which way the axes go, and a centre that is the run's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.loss_surface.slices import losses_around

if TYPE_CHECKING:
    from instep.study.arrays import Singles


def test_rows_are_along_the_second_direction_and_the_centre_is_exact() -> None:
    own = {"weight": np.array([[0.1, 0.3]], np.float32)}
    first = {"weight": np.array([[1.0, 0.0]], np.float32)}
    second = {"weight": np.array([[0.0, 1.0]], np.float32)}
    steps: list[int] = []

    def loss(moved: dict[str, Singles]) -> float:
        return float(moved["weight"][0, 0] + 10 * moved["weight"][0, 1])

    losses = losses_around(
        *(loss, own, first, second, np.array([-1.0, 0.0, 1.0]), np.array([0.0, 2.0])),
        advance=lambda: steps.append(1),
    )
    assert losses[0, 1] == loss(own)
    np.testing.assert_allclose(losses, [[2.1, 3.1, 4.1], [22.1, 23.1, 24.1]], rtol=1e-6)
    assert len(steps) == 6
