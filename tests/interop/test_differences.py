"""docs/mathematics/differences.md: the calls in its tables are made, and what it says is so."""

from __future__ import annotations

import inspect
import math
import pkgutil
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import instep
from instep.schedules import InverseSquareRoot
from tests.cases import Array
from tests.interop.followers import FOLLOWERS, follow, imported, library_of

PAGE = Path(__file__).parents[2] / "docs" / "mathematics" / "differences.md"

STEPS = 40


class Row(NamedTuple):
    """What another library's call takes, what one of ours does, and how they compare."""

    there: str
    here: str
    verdict: str


class Defaults(NamedTuple):
    """What is called, and its defaults as they are written in a call."""

    called: str
    defaults: str


COMPARISON = re.compile(r"\| `([^`]+)`<br>`([^`]+)` \| (equal|differs)(?:: [^|]+)? \|")
DEFAULT = re.compile(r"\| `([^`]+)` \| `([^`]+)` \|")


def rows_of(page: str) -> tuple[list[Row], list[Defaults]]:
    """Return the rows of all tables whose first cell is code."""
    rows, defaults = [], []
    for line in page.splitlines():
        if match := COMPARISON.fullmatch(line):
            rows.append(Row(*match.groups()))
        elif match := DEFAULT.fullmatch(line):
            defaults.append(Defaults(*match.groups()))
        else:
            assert not line.startswith("| `"), line
    return rows, defaults


ROWS, DEFAULTS = rows_of(PAGE.read_text(encoding="utf-8"))


def awkward_gradients() -> Array:
    """Return gradients of many sizes, signs that flip, zeros at first, mostly, and always."""
    rng = np.random.default_rng(7)
    usual = rng.standard_normal((STEPS, 4))
    late, rare = usual[:, 0].copy(), usual[:, 1].copy()
    late[:7] = 0.0
    rare[np.arange(STEPS) % 5 != 2] = 0.0
    flips = np.where(np.arange(STEPS) % 2, -1.0, 1.0) * rng.uniform(0.9, 1.1, STEPS)
    signs = rng.choice([-1.0, 1.0], STEPS)
    wide = signs * 10.0 ** rng.uniform(-6.0, 6.0, STEPS)
    fading = signs * 10.0 ** (3.0 - np.arange(STEPS) / 5.0)
    more = [late, rare, flips, wide, fading, 1e-9 * usual[:, 2], 1e6 * usual[:, 3]]
    return np.column_stack([usual, *more, np.zeros(STEPS)])


def constant_gradients() -> Array:
    """Return gradients whose variance is 0, so that rounding decides of its sign."""
    return np.tile(1e3 * np.linspace(1.0, 2.0, 1000), (STEPS, 1))


def gradients_for(row: Row) -> Array:
    if "Adafactor" in row.here:
        return np.random.default_rng(8).standard_normal((STEPS, 3, 4))
    if re.search("clip|LARS|LAMB", row.here):
        # What a large gradient adds to the norm would hide the others.
        return np.random.default_rng(8).standard_normal((STEPS, 4))
    if "centered" in row.here and row.verdict == "differs":
        return constant_gradients()
    return awkward_gradients()


def start_for(gradients: Array) -> Array:
    return np.random.default_rng(9).uniform(-2.0, 2.0, gradients.shape[1:])


def distance(ours: Array, theirs: Array) -> float:
    """Return how far apart two paths are at most, relative to the length of ours."""
    length = np.abs(ours[0]) + np.abs(np.diff(ours, axis=0)).sum(axis=0)
    apart = np.abs(ours - theirs) / length
    return float(np.where(np.isnan(apart), math.inf, apart).max())


def unit_roundoff(library: str) -> float:
    if library == "thinc":
        return 2.0**-24
    if library == "keras" and imported("keras").config.backend() == "tensorflow":
        return 2.0**-24  # to float32 it rounds hyperparameters, whatever the variable's type
    return 2.0**-53


ROUNDINGS = 10 * STEPS
"""Each step rounds some ten times, by a unit roundoff of what the path is made of."""

VISIBLE = 5e-4
"""What differs, differs by this part of the path at least, somewhere."""

CLIPPED = 1e-8
"""The same for clipping, where it is the 1e-6 in the denominator that differs."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.there} ~ {row.here}")
def test_what_the_page_says_is_so(row: Row) -> None:
    gradients = gradients_for(row)
    start = start_for(gradients)
    with np.errstate(all="ignore"):
        theirs = follow(row.there, start, gradients)
        ours = follow(row.here, start, gradients)
        apart = distance(ours, theirs)
    if row.verdict == "equal":
        assert apart <= ROUNDINGS * unit_roundoff(library_of(row.there))
    else:
        assert apart >= (CLIPPED if "clip" in row.here else VISIBLE)


@pytest.mark.parametrize("row", DEFAULTS, ids=lambda row: row.called)
def test_defaults(row: Defaults) -> None:
    imported(library_of(row.called))
    if row.called.startswith("sklearn"):
        imported(row.called.rpartition(".")[0])
    parameters = inspect.signature(pkgutil.resolve_name(row.called)).parameters
    stated = eval(f"dict({row.defaults})")
    assert stated == {name: parameters[name].default for name in stated}


def test_the_page_is_read_whole() -> None:
    assert {library_of(row.here) for row in ROWS} == {"instep"}
    assert {library_of(row.there) for row in ROWS} == set(FOLLOWERS) - {"instep"}
    classes = {row.here.partition("(")[0] for row in ROWS}
    assert classes == set(re.findall(r"instep\.[A-Z]\w+(?=\()", PAGE.read_text(encoding="utf-8")))
    assert {row.called for row in DEFAULTS} >= classes


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("SGD(0.1, momentum=0.9, weight_decay=0.2)", "SGD(w, lr=0.1, momentum=0.9)"),
        ("RMSprop(0.1, weight_decay=0.2)", "RMSprop(w, 0.1, 0.9, 1e-7, eps_inside_sqrt=True)"),
        (
            "Adagrad(0.1, epsilon=0.0, weight_decay=0.2)",
            "Adagrad(w, lr=0.1, initial_accumulator_value=0.1, eps=0.0)",
        ),
        ("Adadelta(0.1, epsilon=0.01, weight_decay=0.2)", "Adadelta(w, 0.1, 0.95, 0.01)"),
    ],
)
def test_to_shrink_first_is_the_decay_of_keras(there: str, here: str) -> None:
    gradients = awkward_gradients()
    w = start_for(gradients)
    theirs = follow(f"keras.optimizers.{there}", w, gradients)
    optimizer = eval(f"instep.{here}", {"instep": instep, "w": w})
    ours = [w.copy()]
    for gradient in gradients:
        w *= 1 - 0.1 * 0.2
        optimizer.step(gradient)
        ours.append(w.copy())
    assert distance(np.array(ours), theirs) <= ROUNDINGS * unit_roundoff("keras")


@pytest.mark.parametrize(
    ("there", "nesterov"),
    [
        ("keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.8), 0.9)", 0),
        ("tf.raw_ops.ResourceApplyKerasMomentum(lr=lambda t: 0.1 * 0.8**t, momentum=0.9)", 0),
        ('_stochastic_optimizers.SGDOptimizer([w], 0.1, "invscaling", 0.9, nesterov=True)', 1),
    ],
)
def test_to_scale_gradients_is_momentum_that_holds_the_rate(there: str, nesterov: int) -> None:
    gradients = awkward_gradients()
    w = start_for(gradients)
    theirs = follow(there, w, gradients)
    optimizer = instep.SGD(w, lr=1.0, momentum=0.9, nesterov=bool(nesterov))
    ours = [w.copy()]
    for t, gradient in enumerate(gradients):
        rate = InverseSquareRoot(0.1)(t) if nesterov else 0.1 * 0.8**t
        optimizer.step(gradient, grad_scale=1 / rate)
        ours.append(w.copy())
    assert distance(np.array(ours), theirs) <= ROUNDINGS * unit_roundoff(library_of(there))


def test_to_divide_gradients_is_momentum_that_is_a_mean() -> None:
    gradients = awkward_gradients()
    w = start_for(gradients)
    call = "autograd.misc.optimizers.sgd(grad, w, step_size=0.1, mass=0.9)"
    theirs = follow(call, w, gradients)
    optimizer = instep.SGD(w, lr=0.1, momentum=0.9)
    ours = [w.copy()]
    for gradient in gradients:
        optimizer.step(gradient, grad_scale=1 / (1 - 0.9))
        ours.append(w.copy())
    assert distance(np.array(ours), theirs) <= ROUNDINGS * unit_roundoff("autograd")


def test_sklearn_decays_weights_by_the_batch_and_no_biases() -> None:
    neural_network = imported("sklearn.neural_network")
    rng = np.random.default_rng(0)
    inputs, targets = rng.standard_normal((20, 3)), rng.standard_normal(20)
    model = neural_network.MLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        momentum=0.0,
        alpha=5.0,
        learning_rate_init=0.1,
        batch_size=20,
    )
    model.partial_fit(inputs, targets)
    weights, bias = model.coefs_[0].copy(), model.intercepts_[0].copy()
    residual = inputs @ weights + bias - targets[:, None]
    groups = ({"params": [weights], "weight_decay": 5.0 / 20}, {"params": [bias]})
    optimizer = instep.SGD(groups, lr=0.1)
    optimizer.step([inputs.T @ residual / 20, residual.mean(axis=0)])
    model.partial_fit(inputs, targets)
    assert np.allclose(model.coefs_[0], weights, rtol=1e-12)
    assert np.allclose(model.intercepts_[0], bias, rtol=1e-12)


def test_inverse_scaling_is_the_inverse_square_root() -> None:
    module = imported("sklearn.neural_network._stochastic_optimizers")
    optimizer = module.SGDOptimizer([np.zeros(1)], 0.1, lr_schedule="invscaling")
    for t in range(1, 50):
        optimizer.iteration_ends(t)
        assert math.isclose(optimizer.learning_rate, InverseSquareRoot(0.1)(t))
