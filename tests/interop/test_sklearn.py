"""scikit-learn's networks come to scikit-learn's weights by instep's steps."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

from tests.examples import names_of, needs_examples

neural_network: Any = pytest.importorskip("sklearn.neural_network")
pytestmark = needs_examples

COMMON: dict[str, Any] = {"hidden_layer_sizes": (16,), "max_iter": 12, "random_state": 3}

OPTIONS: dict[str, dict[str, Any]] = {
    "Adam": {},
    "Adam, other options": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "alpha": 0.1},
    "Nesterov": {"solver": "sgd", "learning_rate_init": 0.1},
    "momentum": {"solver": "sgd", "learning_rate_init": 0.1, "nesterovs_momentum": False},
    "no momentum": {"solver": "sgd", "learning_rate_init": 0.5, "momentum": 0.0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.1},
    # The rate falls in the middle of the training, and the velocities are those of the former one.
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 1.0,
        "tol": 0.05,
        "n_iter_no_change": 1,
        "max_iter": 20,
    },
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.01, "max_iter": 60},
}


def example(name: str) -> Any:
    return names_of("sklearn_mlp.py")[name]


def digits(dtype: Any = np.float64) -> tuple[Any, Any]:
    datasets: Any = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_digits(return_X_y=True)
    return (x[:600] / 16).astype(dtype), y[:600]


def fit(model: Any, x: Any, y: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        return model.fit(x, y)


def weights(model: Any) -> list[Any]:
    return [*model.coefs_, *model.intercepts_]


def assert_trained_alike(ours: Any, theirs: Any, rtol: float = 1e-7) -> None:
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=rtol)
    for mine, other in zip(weights(ours), weights(theirs), strict=True):
        np.testing.assert_allclose(mine, other, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_a_fit_gives_scikit_learn_s_weights(kind: str, options: dict[str, Any]) -> None:
    x, y = digits()
    if kind == "MLPRegressor":
        y = y / 10
        options = {**options, "learning_rate_init": options.get("learning_rate_init", 0.01) / 10}
    options = {**COMMON, **options}
    theirs = fit(getattr(neural_network, kind)(**options), x, y)
    ours = fit(example(kind)(**options), x, y)
    assert theirs.loss_curve_[-1] < theirs.loss_curve_[0]
    assert_trained_alike(ours, theirs)


def test_the_learning_rate_falls_in_the_adaptive_case() -> None:
    x, y = digits()
    ours = fit(example("MLPClassifier")(**{**COMMON, **OPTIONS["adaptive"]}), x, y)
    assert ours._optimizer.learning_rate < 1.0


def test_the_steps_are_instep_s(monkeypatch: pytest.MonkeyPatch) -> None:
    optimizers: Any = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")

    def never(*_: Any) -> None:
        raise AssertionError("scikit-learn's own step was taken")

    monkeypatch.setattr(optimizers.BaseOptimizer, "update_params", never)
    fit(example("MLPClassifier")(**COMMON), *digits())


def test_float32_steps_float32() -> None:
    x, y = digits(np.float32)
    theirs = fit(neural_network.MLPClassifier(**COMMON), x, y)
    ours = fit(example("MLPClassifier")(**COMMON), x, y)
    assert {weight.dtype for weight in weights(ours)} == {np.dtype(np.float32)}
    assert_trained_alike(ours, theirs, rtol=1e-3)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize(
    "duplicate",
    [lambda model: model, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
)
def test_a_partial_fit_goes_on(
    solver: str, duplicate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An example is no module that pickle could import.
    for name in ("MLPClassifier", "Update"):
        monkeypatch.setitem(globals(), name, example(name))
        monkeypatch.setattr(example(name), "__module__", __name__)
    x, y = digits()
    theirs = neural_network.MLPClassifier(**COMMON, solver=solver)
    ours = example("MLPClassifier")(**COMMON, solver=solver)
    for _ in range(4):
        theirs.partial_fit(x, y, classes=range(10))
        ours = duplicate(ours).partial_fit(x, y, classes=range(10))
    assert_trained_alike(ours, theirs)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_it_goes_on_from_weights_that_someone_has_set(solver: str) -> None:
    x, y = digits()
    theirs = neural_network.MLPClassifier(**COMMON, solver=solver)
    ours = example("MLPClassifier")(**COMMON, solver=solver)
    for _ in range(3):
        for model in (theirs, ours):
            model.partial_fit(x, y, classes=range(10))
            model.coefs_ = [weight.round(2) for weight in model.coefs_]
    assert_trained_alike(ours, theirs)


def test_a_fit_after_a_fit_begins_anew() -> None:
    x, y = digits()
    ours = fit(example("MLPClassifier")(**COMMON), x, y)
    first = [weight.copy() for weight in weights(ours)]
    for mine, before in zip(weights(fit(ours, x, y)), first, strict=True):
        assert mine.tolist() == before.tolist()


def test_a_grid_search_clones_it() -> None:
    base: Any = pytest.importorskip("sklearn.base")
    model = example("MLPClassifier")(**COMMON, beta_1=0.5)
    assert type(base.clone(model)) is type(model)
    assert base.clone(model).get_params() == model.get_params()


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    adam, _ = example("main")(repeats=1)
    assert adam > 0.9
    assert "stepped by" in capsys.readouterr().out
