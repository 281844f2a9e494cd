"""How an optimizer with the Armijo line search is made, copied and continued."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.api.armijo import (
    bits,
    make,
    refused,
    returning,
    some_grads,
)
from tests.api.armijo import optimizer as optimizer
from tests.api.model import copied


def pickled(protocol: int) -> Callable[[Any], Any]:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


COPIES = {"deepcopy": copy.deepcopy} | {
    f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=list(COPIES))
def test_copies_own_what_they_have_and_continue(
    optimizer: Any, duplicate: Callable[[Any], Any]
) -> None:
    twin, params = duplicate((optimizer, list(optimizer.params)))
    assert [id(param) for param in twin.params] == [id(param) for param in params]
    before = bits(twin.params)
    optimizer.step(returning(0.0, 1.0, -99.0), some_grads())
    assert bits(params) == before
    twin.step(returning(0.0, 1.0, -99.0), some_grads())
    assert twin.state_dict() == optimizer.state_dict()
    assert bits(params) == bits(optimizer.params)
    with refused(KeyError, "mine", twin):
        twin.step(returning(0.0, 1.0, KeyError("mine")), some_grads())


def test_a_pickle_holds_the_parameters_once() -> None:
    param = np.zeros(10_000)
    assert len(pickle.dumps(make(param))) < 1.5 * param.nbytes


def test_shallow_copies_are_refused(optimizer: Any) -> None:
    with refused(TypeError, "deepcopy", optimizer):
        copy.copy(optimizer)


def test_a_state_dictionary_continues(optimizer: Any) -> None:
    state = optimizer.state_dict()
    other = make(copied(optimizer.params))
    other.load_state_dict(state)
    for each in (optimizer, other):
        each.step(returning(0.0, 1.0, -99.0), some_grads())
    assert other.state_dict() == optimizer.state_dict() != state
    assert bits(other.params) == bits(optimizer.params)


GOOD = {"lr": 0.5, "last_loss": 1.0, "steps": 3, "failed_searches": 0, "evaluations": 9}


@pytest.mark.parametrize(
    ("state", "error", "match"),
    [
        (None, TypeError, "state_dict"),
        ([], TypeError, "state_dict"),
        ({}, KeyError, "lr"),
        ({name: GOOD[name] for name in GOOD if name != "steps"}, KeyError, "steps"),
        ({**GOOD, "colour": 1}, KeyError, "colour"),
        ({**GOOD, "lr": 0.0}, ValueError, "lr: expected a finite number above 0"),
        ({**GOOD, "lr": math.inf}, ValueError, "lr"),
        ({**GOOD, "lr": "1"}, TypeError, "lr"),
        ({**GOOD, "last_loss": "1"}, TypeError, "last_loss"),
        ({**GOOD, "last_loss": math.nan}, ValueError, "last_loss"),
        ({**GOOD, "steps": -1}, ValueError, "steps"),
        ({**GOOD, "failed_searches": 0.5}, TypeError, "failed_searches"),
        ({**GOOD, "evaluations": None}, TypeError, "evaluations"),
    ],
)
def test_state_dictionaries_that_are_refused(
    optimizer: Any, state: Any, error: type[Exception], match: str
) -> None:
    with refused(error, match, optimizer):
        optimizer.load_state_dict(state)


TINY = 5e-324

RANGES: list[tuple[str, list[Any], list[Any]]] = [
    ("batch_fraction", [TINY, 0.5, 1.0, 1], [0.0, -0.5, 1 + 2**-52, math.nan]),
    ("c", [TINY, 1 - 2**-53], [0.0, 1.0, -0.1, math.nan]),
    ("backtracking", [TINY, 1 - 2**-53], [0.0, 1.0, -0.1, math.nan]),
    ("growth", [1.0, 1e308], [1 - 2**-53, 0.0, math.inf, math.nan]),
    ("max_lr", [1.0, 1e308], [0.0, -1.0, math.inf, math.nan, 1 - 2**-53]),
    ("initial_lr", [TINY, 10.0], [0.0, -1.0, 10 + 2**-49, math.inf, math.nan]),
    ("max_trials", [1, 10**6], [0, -1]),
]


@pytest.mark.parametrize(("name", "good", "bad"), RANGES, ids=[name for name, _, _ in RANGES])
def test_ranges(name: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        make(np.ones(2), **{name: value})
    for value in bad:
        with pytest.raises(ValueError, match=f"{name}.*: expected" if name != "max_lr" else name):
            make(np.ones(2), **{name: value})
    for value in ("1", None, 1j, True, [1.0]):
        with pytest.raises(TypeError, match=f"{name}: expected"):
            make(np.ones(2), **{name: value})


def test_max_trials_is_an_integer() -> None:
    with pytest.raises(TypeError, match=r"max_trials: expected an integer, got 200\.0"):
        make(np.ones(2), max_trials=200.0)


READ_ONLY = np.ones(2)
READ_ONLY.setflags(write=False)


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ([{"params": np.ones(2)}], TypeError, "params: expected .*got groups"),
        (iter([np.ones(2), {"params": np.ones(2), "lr": 1.0}]), TypeError, "got groups"),
        (None, TypeError, "NoneType"),
        ([], ValueError, "at least one"),
        (np.ones(2, int), TypeError, "int64"),
        ([[1.0]], TypeError, "list"),
        (READ_ONLY, ValueError, "read-only"),
    ],
)
def test_parameters_that_are_refused(params: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make(params)


def test_attributes_cannot_be_set() -> None:
    optimizer = make(np.ones(2))
    names = ("params", "lr", "last_loss", "steps", "failed_searches", "evaluations", "max_lr")
    for name in names:
        with pytest.raises(AttributeError, match=name):
            setattr(optimizer, name, 1)
