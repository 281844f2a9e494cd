"""Libraries that hand over a key come to their own weights by instep's steps."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import instep
from tests.recipes.pages import recipe

spacy: Any = pytest.importorskip("spacy")
river: Any = pytest.importorskip("river")

EXACT = {"beta1": 0.875, "beta2": 1 - 2**-10}
"""Of these Thinc computes 1 - beta exactly, in float32."""


def page(name: str) -> Any:
    return recipe("keyed")[name]


def classifier(optimizer: Any) -> dict[str, Any]:
    """Return the weights of a text classifier of spaCy that was trained with this optimizer."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat")
    examples = [
        spacy.training.Example.from_dict(nlp.make_doc(text), {"cats": {"a": a, "b": 1.0 - a}})
        for text, a in {"one two": 1.0, "two three": 0.0, "three four one": 1.0}.items()
    ]
    nlp.initialize(lambda: examples, sgd=optimizer)
    for _ in range(5):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    [(_, pipe)] = nlp.pipeline
    return {
        f"{place} {name}": node.get_param(name).copy()
        for place, node in enumerate(pipe.model.walk())
        for name in node.param_names
        if node.has_param(name)
    }


def test_spacy() -> None:
    from thinc.api import Adam

    ours = page("InstepAdam")(0.01)
    ours.keyed = instep.Keyed(instep.Adam, betas=tuple(EXACT.values()), eps=1e-3, eps_hat=True)
    theirs = Adam(0.01, grad_clip=0.0, use_averages=False, eps=1e-3, **EXACT)
    untrained, mine, other = (classifier(each) for each in (lambda _, w, g: (w, g), ours, theirs))
    assert len(ours.keyed.optimizers) > 5
    for name, weights in mine.items():
        np.testing.assert_allclose(weights, other[name], rtol=0, atol=1e-6, err_msg=name)
    assert max(np.abs(mine[name] - untrained[name]).max() for name in mine) > 0.01


def test_spacy_finds_it_by_its_name() -> None:
    made = page("spacy").registry.resolve(
        {"optimizer": {"@optimizers": "instep.Adam.v1", "learn_rate": 0.5}}
    )
    assert type(made["optimizer"]) is page("InstepAdam")
    assert made["optimizer"].learn_rate == 0.5


def test_numpy_ml() -> None:
    layers, theirs = page("FullyConnected"), numpy_ml("neural_nets.optimizers").Adam
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    trained = []
    for new_optimizer in (page("InstepNumpyML"), theirs):
        np.random.seed(0)  # noqa: NPY002
        hidden = layers(4, act_fn="tanh", optimizer=new_optimizer(lr=0.05))
        out = layers(2, optimizer=new_optimizer(lr=0.05))
        for _ in range(30):
            residual = out.forward(hidden.forward(x)) - y
            hidden.backward(out.backward(residual))
            hidden.update()
            out.update()
        trained.append([hidden.parameters, out.parameters])
    for mine, other in zip(*trained, strict=True):
        for name in ("W", "b"):
            np.testing.assert_allclose(mine[name], other[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "optimizer", "ours"),
    [
        ("SGD", {}, instep.SGD, {}),
        ("SGD", {"momentum": 0.75}, instep.SGD, {"momentum": 0.75}),
        ("AdaGrad", {"eps": 1e-2}, instep.Adagrad, {"eps": 1e-2}),
        ("RMSProp", {"decay": 0.8, "eps": 1e-2}, instep.RMSprop, {"alpha": 0.8, "eps": 1e-2}),
        (
            "Adam",
            {"decay1": 0.8, "decay2": 0.9, "eps": 1e-2},
            instep.Adam,
            {"betas": (0.8, 0.9), "eps": 1e-2},
        ),
    ],
)
def test_the_rules_of_numpy_ml(
    name: str, options: dict[str, Any], optimizer: type[instep.Optimizer], ours: dict[str, Any]
) -> None:
    theirs = getattr(numpy_ml("neural_nets.optimizers"), name)(lr=0.1, **options)
    keyed = instep.Keyed(optimizer, lr=0.1, **ours)
    rng = np.random.default_rng(5)
    weights = rng.standard_normal((2, 3))
    same = weights.copy()
    for _ in range(20):
        gradient = rng.standard_normal((2, 3))
        keyed.step("W", weights, gradient)
        same = theirs(same, gradient, "W")
    np.testing.assert_allclose(weights, same, rtol=1e-10, atol=1e-12)


def test_a_scheduler_of_numpy_ml() -> None:
    scheduler = numpy_ml("neural_nets.schedulers").ExponentialScheduler(0.5, 1, True, 0.5)
    optimizer = page("InstepNumpyML")(scheduler=scheduler)
    optimizer.update(np.zeros(1), np.ones(1), "W")
    optimizer.step()
    optimizer.update(np.zeros(1), np.ones(1), "W")
    assert optimizer.keyed.optimizers["W"].lr == 0.25


def numpy_ml(module: str) -> Any:
    recipe("keyed")  # which lets it be imported
    return importlib.import_module(f"numpy_ml.{module}")


def test_river() -> None:
    rng = np.random.default_rng(4)
    ratings = [(f"user {u}", int(i), s) for u, i, s in rng.integers(1, 6, (300, 3))]
    models = [
        river.reco.BiasedMF(latent_optimizer=optimizer, n_factors=3, seed=7)
        for optimizer in (page("InstepRiver")(0.2), river.optim.AdaGrad(0.2))
    ]
    for model in models:
        for user, item, stars in ratings:
            model.learn_one(user, item, stars)
    ours, theirs = models
    for latents in ("u_latents", "i_latents"):
        mine, other = getattr(ours, latents), getattr(theirs, latents)
        assert len(mine) == 5
        for key, array in mine.items():
            np.testing.assert_allclose(array, other[key], rtol=1e-9, atol=1e-12, err_msg=str(key))


def test_a_schedule_and_a_clone_of_river() -> None:
    schedule = river.optim.schedulers.InverseScaling(0.5)
    optimizer = page("InstepRiver")(schedule).clone()
    optimizer.step({"a": np.ones(2)}, {"a": np.ones(2)})
    optimizer.step({"a": np.ones(2)}, {"a": np.ones(2)})
    assert optimizer.keyed.optimizers["a"].lr == schedule.get(1)


def test_a_late_key_of_river_begins_with_its_own_first_step() -> None:
    ours, theirs = instep.Keyed(instep.Adam, lr=0.1, eps_hat=True), river.optim.Adam(0.1)
    weights = {"early": np.zeros(1), "late": np.zeros(1)}
    same = {"early": np.zeros(1), "late": np.zeros(1)}
    for key in ("early", "early", "late"):
        ours.step(key, weights[key], np.ones(1))
        theirs.step(same, {key: np.ones(1)})
    np.testing.assert_allclose(weights["early"], same["early"], rtol=1e-6)
    assert abs(weights["late"].item() + 0.1) < 1e-6
    assert abs(same["late"].item() + 0.1) > 0.01
