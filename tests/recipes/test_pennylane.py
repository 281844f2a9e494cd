"""Circuits come to the parameters of PennyLane's optimizers by instep's steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.recipes.pages import recipe

qml: Any = pytest.importorskip("pennylane")

OPTIONS = {"stepsize": 0.2, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3}


def tensors(*values: Any, trained: bool = True) -> list[Any]:
    return [qml.numpy.array(value, requires_grad=trained) for value in values]


def objective(matrix: Any, scalar: Any, offset: Any) -> Any:
    return (qml.math.sin(matrix) ** 2).sum() * scalar**2 + (scalar - offset) ** 4


def path_of(new_optimizer: Any) -> Any:
    """Return the arguments after each of some steps, and what they cost before."""
    optimizer = new_optimizer(**OPTIONS)
    args = [*tensors([[0.3, -2.0], [1.0, 5.0]], 0.5), *tensors(0.25, trained=False)]
    path = []
    for _ in range(30):
        args, cost = optimizer.step_and_cost(objective, *args)
        path.append([*args[0].ravel().tolist(), args[1].item(), args[2].item(), float(cost)])
    return np.array(path)


def test_arguments_of_any_shape_are_trained_as_pennylane_trains_them() -> None:
    ours, theirs = (
        path_of(each) for each in (recipe("pennylane")["InstepAdam"], qml.AdamOptimizer)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert np.ptp(ours, axis=0)[-2] == 0.0  # the last argument is not to be trained


def test_a_step_changes_the_argument_itself() -> None:
    [weights] = tensors([1.0, 2.0])
    stepped = recipe("pennylane")["InstepAdam"](0.5).step(lambda w: (w**2).sum(), weights)
    assert stepped is weights
    np.testing.assert_allclose(weights, [0.5, 1.5], rtol=1e-6)


def test_the_step_size_may_change_and_reset_begins_anew() -> None:
    ours, theirs = recipe("pennylane")["InstepAdam"](**OPTIONS), qml.AdamOptimizer(**OPTIONS)
    mine, other = tensors([1.0, -1.0], [1.0, -1.0])
    for stepsize in (0.2, 0.1, 0.3):
        ours.stepsize = theirs.stepsize = stepsize
        mine = ours.step(lambda w: (w**4).sum(), mine)
        other = theirs.step(lambda w: (w**4).sum(), other)
        if stepsize == 0.1:
            ours.reset()
            theirs.reset()
    np.testing.assert_allclose(mine, other, rtol=1e-12)
