"""Numbers that a parameter has beside its step count: of functional calls and of optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import instep
from instep import functional, reference
from tests.api.model import RULES, assert_same, each_variant, make, refused
from tests.cases import DTYPES, FEW_CASES, Case, new_scalars
from tests.optimizers import DESCRIPTIONS
from tests.optimizers.description import Options

WITH_SCALARS = [case for case in FEW_CASES if DESCRIPTIONS[case.rule].scalars]

each_case = pytest.mark.parametrize("case", WITH_SCALARS, ids=str)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@each_case
def test_functional_calls_go_on_from_those_of_the_last_step(
    case: Case, dtype: np.dtype[Any]
) -> None:
    ours = case.random_arrays(20, dtype)
    ours |= new_scalars(case.rule, ours["param"])
    theirs = {name: array.copy() for name, array in ours.items()}
    for number in range(1, 6):
        case.step(functional, ours, number)
        case.step(reference, theirs, number)
        assert_same(ours, theirs, f"step {number}")
    names = list(DESCRIPTIONS[case.rule].scalars)
    assert all(ours[name] != new_scalars(case.rule, ours["param"])[name] for name in names)


@each_case
def test_each_of_several_parameters_has_its_own(case: Case) -> None:
    each = [case.random_arrays(size, np.dtype(np.float32), size) for size in (3, 4, 5)]
    for arrays, steps in zip(each, (0, 2, 2), strict=True):
        arrays |= new_scalars(case.rule, arrays["param"])
        for number in range(1, steps + 1):
            case.step(reference, arrays, number)
    together = {name: [arrays[name].copy() for arrays in each] for name in each[0]}
    case.step(functional, together, number=3)
    for k, arrays in enumerate(each):
        case.step(reference, arrays, number=3)
        assert_same({name: arrays_of[k] for name, arrays_of in together.items()}, arrays, str(k))


def read_only(value: float) -> Any:
    array = np.array(value)
    array.flags.writeable = False
    return array


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a number": (lambda: 1.0, TypeError, "numpy.ndarray"),
    "float32": (lambda: np.array(1.0, np.float32), TypeError, r"float64 without axes.*float32"),
    "an axis": (lambda: np.ones(1), TypeError, r"float64 without axes.*shape \(1,\)"),
    "integers": (lambda: np.array(1), TypeError, "int64"),
    "read-only": (lambda: read_only(1.0), ValueError, "read-only"),
}


@pytest.mark.parametrize(("wrong", "error", "match"), WRONG.values(), ids=WRONG)
@each_case
def test_arrays_that_cannot_hold_one(
    case: Case, wrong: Callable[[], Any], error: type[Exception], match: str
) -> None:
    for name in DESCRIPTIONS[case.rule].scalars:
        arrays = case.random_arrays(4, np.dtype(np.float32))
        before = {key: array.copy() for key, array in arrays.items()}
        with pytest.raises(error, match=f"{name}.*{match}"):
            case.step(functional, {**arrays, name: wrong()}, number=1)
        assert_same(arrays, before)


@each_case
def test_two_parameters_cannot_share_one(case: Case) -> None:
    arrays = case.random_arrays(4, np.dtype(np.float32))
    pairs = {name: [array, array.copy()] for name, array in arrays.items()}
    for name in DESCRIPTIONS[case.rule].scalars:
        with pytest.raises(ValueError, match="share memory"):
            case.step(functional, {**pairs, name: [np.array(1.0)] * 2}, number=1)


OPTIMIZERS = [(name, rule) for name, rule in RULES.items() if DESCRIPTIONS[rule].scalars]


@pytest.mark.parametrize(("name", "rule"), OPTIMIZERS)
def test_a_dictionary_without_them_is_refused(name: str, rule: str) -> None:
    params = [np.ones(3), np.ones(2)]
    optimizer = make(name, params)
    optimizer.step([np.ones(3), np.ones(2)])
    dictionary = optimizer.state_dict()
    scalar = list(DESCRIPTIONS[rule].scalars)[-1]
    cases: list[tuple[Options, type[Exception], str]] = [
        ({}, KeyError, f"expected also.*{scalar}"),
        ({scalar: "1"}, TypeError, f"{scalar}.*expected a number, got '1'"),
        ({scalar: np.ones(3)}, TypeError, f"{scalar}.*expected a number"),
    ]
    for wrong, error, match in cases:
        state = {key: value for key, value in dictionary["state"][0].items() if key != scalar}
        changed = {**dictionary, "state": {**dictionary["state"], 0: {**state, **wrong}}}
        with refused(error, match, optimizer):
            optimizer.load_state_dict(changed)


@pytest.mark.parametrize(("name", "rule"), OPTIMIZERS)
def test_arrays_without_axes_load_as_numbers(name: str, rule: str) -> None:
    optimizer, resumed = (make(name, np.ones(3)) for _ in range(2))
    optimizer.step(np.ones(3))
    dictionary = optimizer.state_dict()
    for scalar in DESCRIPTIONS[rule].scalars:
        dictionary["state"][0][scalar] = np.array(dictionary["state"][0][scalar])
    resumed.load_state_dict(dictionary)
    assert_same(resumed.state_dict(), optimizer.state_dict())


@each_variant
def test_a_parameter_that_is_not_stepped_keeps_its_own(name: str, options: Options) -> None:
    optimizer = make(name, [np.ones(3), np.ones(3)], **options)
    for _ in range(3):
        optimizer.step([np.ones(3), None])
    other = make(name, [np.ones(3), np.ones(3)], **options)
    assert_same(optimizer.state_dict()["state"][1], other.state_dict()["state"][1])


def test_nadam_is_the_product_of_the_momenta() -> None:
    optimizer = instep.NAdam(np.ones(2), betas=(0.8, 0.9), momentum_decay=0.5)
    product = 1.0
    for t in range(1, 8):
        optimizer.step(np.ones(2))
        product *= 0.8 * (1 - 0.5 * 0.96 ** (0.5 * t))
    assert optimizer.state_dict()["state"][0]["mu_product"] == pytest.approx(product, rel=1e-14)


def test_another_rate_of_asgd_shows_one_step_later() -> None:
    w = np.zeros(1)
    optimizer = instep.ASGD(w, lr=0.5, lambd=0.0)
    moves = []
    for lr in (0.5, 0.25, 0.25):
        before = w[0]
        optimizer.lr = lr
        optimizer.step(np.array([-1.0]))
        moves.append(w[0] - before)
    assert moves == [0.5, 0.5, 0.25]
