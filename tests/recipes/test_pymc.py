"""Variational fits of PyMC come to PyMC's parameters by instep's steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import instep
from tests.recipes.pages import recipe

pm: Any = pytest.importorskip("pymc")

FIT: dict[str, Any] = {"n": 40, "random_seed": 3, "progressbar": False}


@pytest.fixture(autouse=True)
def model() -> Iterator[None]:
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((50, 3))
    observed = inputs @ [1.0, -2.0, 0.0] + 0.1 * rng.standard_normal(50)
    with pm.Model():
        slopes = pm.Normal("slopes", 0, 5, shape=3)
        noise = pm.HalfNormal("noise", 1)
        pm.Normal("observed", inputs @ slopes, noise, observed=observed)
        yield


def in_place(optimizer: type[instep.Optimizer], **options: Any) -> Any:
    return recipe("pymc")["InPlace"](optimizer, **options)


def params(approximation: Any) -> list[Any]:
    return [param.get_value() for param in approximation.params]


PAIRS: dict[str, tuple[str, dict[str, Any], type[instep.Optimizer], dict[str, Any]]] = {
    "adam": (
        "adam",
        {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3},
        instep.Adam,
        {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3, "eps_hat": True},
    ),
    "adagrad": (
        "adagrad",
        {"learning_rate": 0.1, "epsilon": 1e-3},
        instep.Adagrad,
        {"lr": 0.1, "eps": 1e-3, "eps_inside_sqrt": True},
    ),
}


@pytest.mark.parametrize("method", ["advi", "fullrank_advi"])
@pytest.mark.parametrize(("name", "theirs", "rule", "ours"), PAIRS.values(), ids=list(PAIRS))
def test_a_fit_gives_pymc_s_parameters(
    name: str,
    theirs: dict[str, Any],
    rule: type[instep.Optimizer],
    ours: dict[str, Any],
    method: str,
) -> None:
    stepping = in_place(rule, **ours)
    mine = pm.fit(method=method, obj_optimizer=stepping, callbacks=[stepping.step], **FIT)
    other = pm.fit(method=method, obj_optimizer=getattr(pm, name)(**theirs), **FIT)
    np.testing.assert_allclose(mine.hist, other.hist, rtol=1e-9)
    for one, another in zip(params(mine), params(other), strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-9, atol=1e-12)
    assert np.abs(params(mine)[0]).max() > 0.5  # it began at 0


def test_a_bound_of_the_norm_is_in_the_gradients() -> None:
    stepping = in_place(instep.SGD, lr=0.1)
    bounded = {**FIT, "total_grad_norm_constraint": 0.5}
    mine = pm.fit(obj_optimizer=stepping, callbacks=[stepping.step], **bounded)
    other = pm.fit(obj_optimizer=pm.sgd(learning_rate=0.1), **bounded)
    for one, another in zip(params(mine), params(other), strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-9, atol=1e-12)


def test_refining_goes_on_with_the_states() -> None:
    stepping = in_place(instep.Adam, lr=0.05, eps_hat=True)
    fits = {}
    for name, optimizer, callbacks in [
        ("ours", stepping, [stepping.step]),
        ("theirs", pm.adam(learning_rate=0.05), []),
    ]:
        inference = pm.ADVI(random_seed=3)
        inference.fit(20, obj_optimizer=optimizer, callbacks=callbacks, progressbar=False)
        inference.refine(20, progressbar=False)
        fits[name] = inference
    np.testing.assert_allclose(fits["ours"].hist, fits["theirs"].hist, rtol=1e-9)


def test_it_follows_values_that_someone_has_set() -> None:
    def halve(approximation: Any, losses: Any, iteration: int) -> None:
        if iteration == 10:
            for param in approximation.params:
                param.set_value(param.get_value() / 2)

    stepping = in_place(instep.Adam, lr=0.05, eps_hat=True)
    mine = pm.fit(obj_optimizer=stepping, callbacks=[stepping.step, halve], **FIT)
    other = pm.fit(obj_optimizer=pm.adam(learning_rate=0.05), callbacks=[halve], **FIT)
    np.testing.assert_allclose(mine.hist, other.hist, rtol=1e-9)
