"""Why: effective rates that grow, and which way a period's drift leads."""

from __future__ import annotations

import numpy as np
import pytest

import instep
from instep.study.convex.effective_rates import GRADIENTS, drift, effective_rates


@pytest.mark.parametrize("beta2", [0.9, 0.99, 0.999])
def test_amsgrads_effective_rate_never_grows(beta2: float) -> None:
    adam, amsgrad = effective_rates(np.tile(GRADIENTS, 20), beta2)
    assert np.all(np.diff(amsgrad) <= 0)
    assert np.any(np.diff(adam) > 0)
    assert np.all(amsgrad <= adam)


def test_effective_rate_by_hand() -> None:
    adam, amsgrad = effective_rates(np.array([4.0, 0.0]), 0.75)
    assert adam.tolist() == pytest.approx([1 / 2, 1 / np.sqrt(2) / np.sqrt(3)], rel=1e-15)
    assert amsgrad.tolist() == pytest.approx([1 / 2, 1 / np.sqrt(2) / 2], rel=1e-15)


@pytest.mark.parametrize(
    ("beta2", "amsgrad", "direction"),
    [
        (0.9, False, 1),
        (0.99, False, 1),
        (0.999, False, 1),
        (0.9999, False, -1),
        (0.9, True, -1),
        (0.9999, True, -1),
    ],
)
def test_direction_of_the_drift(beta2: float, amsgrad: bool, direction: int) -> None:
    assert np.sign(drift(0.9, beta2, amsgrad=amsgrad)) == direction


@pytest.mark.parametrize("amsgrad", [False, True])
def test_the_drift_is_that_of_a_long_run(amsgrad: bool) -> None:
    x = np.zeros(1)
    options = {"lr": 1.0, "betas": (0.9, 0.99), "eps": 0.0, "bias_correction": False}
    optimizer = instep.Adam(x, amsgrad=amsgrad, **options)  # type: ignore[arg-type]
    for gradient in np.tile(GRADIENTS, 40)[:, None]:
        optimizer.step(gradient)
    before = x[0]
    for gradient in GRADIENTS[:, None]:
        optimizer.step(gradient)
    assert drift(0.9, 0.99, amsgrad=amsgrad) == pytest.approx(x[0] - before, rel=1e-9)


def test_sgd_like_drift_is_the_sum_of_the_gradients() -> None:
    # Equal squares: v is the same at every step, and the steps sum to −Σg/√v.
    period = np.array([2.0, 2.0, -2.0])
    assert drift(0.5, 0.75, period=period) == pytest.approx(-1.0, rel=1e-12)
