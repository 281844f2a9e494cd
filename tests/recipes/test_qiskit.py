"""qiskit-algorithms comes to the points of its own optimizers by instep's steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from tests.cases import Array
from tests.recipes.pages import recipe

optimizers: Any = pytest.importorskip("qiskit_algorithms.optimizers")

START = np.array([0.5, -1.5, 2.0])
ADAM = {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3, "eps_hat": True}
THEIR_ADAM = {"lr": 0.05, "beta_1": 0.8, "beta_2": 0.9, "noise_factor": 1e-3}


def bowl(x: Array) -> float:
    return float((x**4 - x).sum())


def slope(x: Array) -> Array:
    return 4 * x**3 - 1


def optimizer(*args: Any, **options: Any) -> Any:
    return recipe("qiskit")["InstepOptimizer"](*args, **options)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("limits", [{"maxiter": 25}, {"maxiter": 1000, "tol": 1e-3}])
def test_it_ends_where_adam_ends(limits: dict[str, Any], amsgrad: bool) -> None:
    ours = optimizer(**limits, **ADAM, amsgrad=amsgrad).minimize(bowl, START, slope)
    theirs = optimizers.ADAM(**limits, **THEIR_ADAM, amsgrad=amsgrad).minimize(bowl, START, slope)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-12)
    assert ours.fun == pytest.approx(theirs.fun, rel=1e-12)
    assert ours.nit == theirs.nfev  # which ADAM counts so
    assert ours.nit == 25 or ours.nit < limits["maxiter"]


def test_gradient_descent_with_a_schedule() -> None:
    def rate(step: int) -> float:
        return 0.02 / (1 + step)

    ours = optimizer(instep.SGD, 20, 0.0, lr=rate).minimize(bowl, START, slope)
    rates = [rate(step) for step in range(20)]
    theirs = optimizers.GradientDescent(20, rates, tol=0.0).minimize(bowl, START, slope)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-12)


def test_without_a_gradient_differences_stand_in() -> None:
    ours = optimizer(maxiter=50, **ADAM)
    np.testing.assert_allclose(
        ours.minimize(bowl, START).x, ours.minimize(bowl, START, slope).x, rtol=1e-5
    )


def test_neither_the_start_nor_a_history_changes() -> None:
    start, history = START.copy(), []

    def remembering(x: Array) -> Array:
        history.append(x)
        return slope(x)

    result = optimizer(maxiter=3, **ADAM).minimize(bowl, start, remembering)
    assert start.tolist() == history[0].tolist() == START.tolist()
    assert len({tuple(point) for point in [*history, result.x]}) == 4


def test_it_is_one_of_qiskit_s_optimizers() -> None:
    ours = optimizer()
    assert isinstance(ours, optimizers.Optimizer)
    assert ours.is_gradient_supported
    assert ours.is_bounds_ignored
