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


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows_of(page: str) -> tuple[list[Row], list[Defaults]]:
    """Return the rows of all tables whose first cell is code."""
    rows, defaults = [], []
    for line in page.splitlines():
        if not line.startswith("| `"):
            continue
        code = [match[1] if (match := re.fullmatch("`([^`]+)`", c)) else c for c in cells(line)]
        if len(code) == 2:
            defaults.append(Defaults(*code))
        else:
            there, here, verdict, _ = code
            rows.append(Row(there, here, verdict))
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
    if "clip" in row.here:
        # What a large gradient adds to the norm would hide the others.
        return np.random.default_rng(8).standard_normal((STEPS, 4))
    if "centered" in row.here and row.verdict == "differs":
        return constant_gradients()
    return awkward_gradients()


def distance(row: Row) -> Array:
    """Return how far apart the two paths are, relative to the lengths of ours."""
    gradients = gradients_for(row)
    start = np.random.default_rng(9).uniform(-2.0, 2.0, gradients.shape[1:])
    with np.errstate(all="ignore"):
        theirs = follow(row.there, start, gradients)
        ours = follow(row.here, start, gradients)
    length = np.abs(start) + np.abs(np.diff(ours, axis=0)).sum(axis=0)
    apart = np.abs(ours - theirs) / length
    return np.where(np.isnan(apart), math.inf, apart)


def unit_roundoff(row: Row) -> float:
    library = library_of(row.there)
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
    apart = distance(row).max()
    if row.verdict == "equal":
        assert apart <= ROUNDINGS * unit_roundoff(row)
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
    assert {row.verdict for row in ROWS} == {"equal", "differs"}
    assert {library_of(row.here) for row in ROWS} == {"instep"}
    assert {library_of(row.there) for row in ROWS} == set(FOLLOWERS) - {"instep"}
    classes = {row.here.partition("(")[0].removeprefix("instep.") for row in ROWS}
    rules = {"SGD", "Adam", "AdamW", "AMSGrad", "RMSprop", "Adagrad", "Adadelta"}
    assert classes == rules
    assert {row.called for row in DEFAULTS} >= {f"instep.{rule}" for rule in rules}


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
