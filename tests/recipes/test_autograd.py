"""Trees of arrays come to the weights of autograd's optimizers by instep's steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from tests.recipes.pages import recipe

autograd: Any = pytest.importorskip("autograd")
optimizers: Any = pytest.importorskip("autograd.misc.optimizers")


def gradient(x: Any, iteration: int) -> Any:
    """Return the gradient of a noisy bowl whose scales differ, in the structure of `x`."""

    def loss(x: Any) -> Any:
        w, (a, b) = x["w"], x["rest"]
        return (w**2).sum() + 100.0 * (a**4).sum() + 1e-3 * b**2 + (iteration % 3) * w.sum()

    return autograd.grad(loss)(x)


def start() -> Any:
    return {"w": np.linspace(-1.0, 2.0, 6).reshape(2, 3), "rest": [np.ones(2), np.array(0.5)]}


def assert_equal_trees(ours: Any, theirs: Any) -> None:
    ours, theirs = instep.flatten(ours), instep.flatten(theirs)
    assert list(ours) == list(theirs)
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol=1e-12, atol=1e-12, err_msg=name)


def test_the_page_s_adam_is_autograd_s() -> None:
    options = {"num_iters": 60, "step_size": 0.05, "b1": 0.8, "b2": 0.95, "eps": 1e-3}
    ours = recipe("autograd")["adam"](gradient, start(), **options)
    assert_equal_trees(ours, optimizers.adam(gradient, start(), **options))


def test_the_start_stays_and_callbacks_see_what_autograd_shows() -> None:
    x0, seen, shown = start(), [], []
    recipe("autograd")["adam"](
        gradient, x0, lambda x, i, g: seen.append((x["w"].tolist(), i, g["w"].tolist())), 3
    )
    optimizers.adam(
        gradient, x0, lambda x, i, g: shown.append((x["w"].tolist(), i, g["w"].tolist())), 3
    )
    assert_equal_trees(x0, start())
    assert [i for _, i, _ in seen] == [0, 1, 2]
    np.testing.assert_allclose([x for x, _, _ in seen], [x for x, _, _ in shown], rtol=1e-12)
    np.testing.assert_allclose([g for _, _, g in seen], [g for _, _, g in shown], rtol=1e-12)


@pytest.mark.parametrize(
    ("theirs", "ours", "options", "grad_scale"),
    [
        (
            lambda x: optimizers.rmsprop(gradient, x, None, 40, 0.05, 0.8, 1e-3),
            instep.RMSprop,
            {"lr": 0.05, "alpha": 0.8, "eps": 1e-3, "initial_accumulator_value": 1.0},
            1.0,
        ),
        (
            lambda x: optimizers.sgd(gradient, x, None, 40, 1e-3, 0.75),
            instep.SGD,
            {"lr": 1e-3, "momentum": 0.75},
            1 / (1 - 0.75),
        ),
    ],
    ids=["rmsprop", "sgd"],
)
def test_what_the_page_says_maps(
    theirs: Any, ours: type[instep.Optimizer], options: dict[str, Any], grad_scale: float
) -> None:
    x = start()
    optimizer = ours(instep.flatten(x), **options)
    for iteration in range(40):
        optimizer.step(instep.flatten(gradient(x, iteration)), grad_scale=grad_scale)
    assert_equal_trees(x, theirs(start()))
