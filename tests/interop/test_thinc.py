"""Models of thinc come to thinc's weights by instep's steps."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.examples import names_of, needs_examples

thinc: Any = pytest.importorskip("thinc.api")
pytest.importorskip("sklearn", reason="the example needs scikit-learn")
pytestmark = needs_examples


def example(name: str) -> Any:
    return names_of("thinc_model.py")[name]


@cache
def digits() -> tuple[Any, Any]:
    datasets: Any = pytest.importorskip("sklearn.datasets")
    images, numbers = datasets.load_digits(return_X_y=True)
    x = (images[:500] / 16).astype(np.float32)
    return x, np.eye(10, dtype=np.float32)[numbers[:500]]


def weights(model: Any) -> dict[str, Any]:
    return {
        f"{place} {name}": node.get_param(name)
        for place, node in enumerate(model.walk())
        for name in node.param_names
    }


# thinc computes 1 - beta in float32, which changes it by 1e-5 of itself; of these it does not.
EXACT = {"beta1": 0.875, "beta2": 1 - 2**-10}

PAIRS: dict[str, tuple[str, dict[str, Any]]] = {
    # An eps that tells a clipped gradient from another in its direction.
    "Adam, other options": ("Adam", {"learn_rate": 0.01, "eps": 1e-3, **EXACT}),
    "Adam without clipping": (
        "Adam",
        {"learn_rate": 0.01, "eps": 1e-3, "grad_clip": 0.0, **EXACT},
    ),
    "Adam, all gradients clipped": (
        "Adam",
        {"learn_rate": 0.01, "eps": 1e-3, "grad_clip": 0.01, **EXACT},
    ),
    "SGD": ("SGD", {"learn_rate": 0.1}),
    "SGD, all gradients clipped": ("SGD", {"learn_rate": 0.5, "grad_clip": 0.01}),
}


@pytest.mark.parametrize(("name", "options"), PAIRS.values(), ids=list(PAIRS))
def test_training_gives_thinc_s_weights(name: str, options: dict[str, Any]) -> None:
    train, (x, y) = example("train"), digits()
    untrained = train(None, x, y, epochs=0)
    theirs = train(getattr(thinc, name)(**options, use_averages=False), x, y, epochs=2)
    ours = train(example(f"Instep{name}")(**options), x, y, epochs=2)
    for key, before in weights(untrained).items():
        mine = weights(ours)[key]
        np.testing.assert_allclose(mine, weights(theirs)[key], rtol=0, atol=1e-5, err_msg=key)
        assert np.abs(mine - before).max() > 5e-4, key


def test_the_default_options_are_thinc_s() -> None:
    # Step by step: in a training, elements with tiny gradients let rounding errors grow.
    ours, theirs = example("InstepAdam")(), thinc.Adam(use_averages=False)
    weights, same = (np.zeros(1000, np.float32) for _ in range(2))
    rng = np.random.default_rng(0)
    for _ in range(20):
        gradient = rng.standard_normal(1000).astype(np.float32)
        ours((0, "W"), weights, gradient.copy())
        theirs((0, "W"), same, gradient)
    np.testing.assert_allclose(weights, same, rtol=1e-4, atol=1e-7)


def test_a_smaller_rate_for_some_parameters() -> None:
    weights, same = (np.ones(4, np.float32) for _ in range(2))
    ours, theirs = example("InstepAdam")(0.1, **EXACT), thinc.Adam(0.1, **EXACT, use_averages=False)
    for _ in range(3):
        ours((0, "W"), weights, np.full(4, 0.25, np.float32), lr_scale=0.5)
        theirs((0, "W"), same, np.full(4, 0.25, np.float32), lr_scale=0.5)
    np.testing.assert_allclose(weights, same, rtol=1e-6)


def test_the_gradient_is_zero_after_its_step() -> None:
    weights, gradient = np.ones(4, np.float32), np.ones(4, np.float32)
    returned = example("InstepAdam")()((0, "W"), weights, gradient)
    assert returned[0] is weights
    assert returned[1] is gradient
    assert not gradient.any()


def test_the_moments_stay_when_the_weights_become_another_array() -> None:
    weights, same = (np.ones(4, np.float32) for _ in range(2))
    ours, theirs = example("InstepAdam")(0.1, **EXACT), thinc.Adam(0.1, **EXACT, use_averages=False)
    for _ in range(3):
        weights = weights.copy()
        ours((0, "W"), weights, np.full(4, 0.25, np.float32))
        theirs((0, "W"), same, np.full(4, 0.25, np.float32))
    np.testing.assert_allclose(weights, same, rtol=1e-6)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("main")(repeats=1) > 0.9
    assert "instep: accuracy" in capsys.readouterr().out
