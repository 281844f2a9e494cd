"""The reference's steps of arrays in 16 bits: those in float32, of which the result is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from instep import RowGradient, functional, reference
from instep.reference import join_master, narrow, random_bits, split_master
from tests.cases import (
    CASES,
    FEW_CASES,
    HALVES,
    ROW_CASES,
    Arguments,
    Array,
    Case,
    arrays_and_options,
)
from tests.compare import assert_same_bits
from tests.storage import AMSGRAD

FLOAT32 = np.dtype(np.float32)
BFLOAT16 = HALVES[1]
SHAPE = (6, 7)

every_case = pytest.mark.parametrize("case", CASES, ids=str)
few_cases = pytest.mark.parametrize("case", FEW_CASES, ids=str)
row_cases = pytest.mark.parametrize("case", ROW_CASES, ids=str)
every_half = pytest.mark.parametrize("half", HALVES, ids=str)
(MOMENTUM,) = (
    case for case in FEW_CASES if (case.rule, case.states) == ("sgd", ("momentum_buffer",))
)


def given(case: Case, **keywords: Any) -> Case:
    return dataclasses.replace(case, options={**case.options, **keywords})


def random_arrays(case: Case, dtypes: dict[str, np.dtype[Any]], shape: Any = SHAPE) -> Arguments:
    """Return arrays of these types, and of float32 where none is named."""
    arrays = case.random_arrays(shape, FLOAT32)
    return {
        name: array if case.is_reduced(name) else array.astype(dtypes.get(name, FLOAT32))
        for name, array in arrays.items()
    }


def copied(arrays: Arguments) -> Arguments:
    return {name: array.copy() for name, array in arrays.items()}


def slots_of(case: Case) -> dict[str, int]:
    """Return the slot of each array; that of a state does not depend on which states there are."""
    (_, _, *states), _ = arrays_and_options(case.rule)
    return {name: slot for slot, name in enumerate(states)} | {"param": 4}


def assert_stored(
    case: Case,
    arrays: Arguments,
    stochastic: tuple[str, ...],
    number: int = 1,
    seed: int = 0,
    parameter: int = 0,
) -> None:
    """Take a step and fail unless it stores what the step in float32 gives."""
    exact = {name: array.astype(np.float32) for name, array in arrays.items()}
    plain = {k: v for k, v in case.options.items() if k in arrays_and_options(case.rule)[1]}
    before = copied(arrays)
    with np.errstate(all="ignore"):
        dataclasses.replace(case, options=plain).step(reference, exact, number)
        case.step(reference, arrays, number)
    index = np.arange(arrays["param"].size).reshape(arrays["param"].shape)
    place = {"seed": seed, "step": number, "parameter": parameter}
    for name, array in arrays.items():
        if name == "grad":
            expected = before[name]
        elif array.dtype == FLOAT32:
            expected = exact[name]
        elif name in stochastic:
            random = random_bits(index, **place, slot=slots_of(case)[name])
            expected = narrow(exact[name], array.dtype, random)
        else:
            expected = narrow(exact[name], array.dtype)
        assert_same_bits(array, expected, name)


@every_half
@every_case
def test_states(case: Case, half: np.dtype[Any]) -> None:
    """The parameter is stepped with the states as computed."""
    stochastic = tuple(name for name in case.states if name != "max_exp_avg_sq")
    for rounded, keywords in ((stochastic, {}), ((), {"state_rounding": "nearest"})):
        arrays = random_arrays(case, dict.fromkeys(case.states, half))
        for number in (1, 2, 3):
            assert_stored(given(case, **keywords), arrays, rounded, number)


@every_half
@every_case
def test_parameters(case: Case, half: np.dtype[Any]) -> None:
    rounding: dict[str, Any] = {"state_rounding": "nearest"}
    for rounded, keywords in (
        ((), {}),
        ((), {"param_rounding": "nearest"}),
        (("param",), {"param_rounding": "stochastic"}),
    ):
        for grad in (half, FLOAT32):
            dtypes = {"param": half, "grad": grad, **dict.fromkeys(case.states, half)}
            arrays = random_arrays(case, dtypes)
            for number in (1, 2):
                assert_stored(given(case, **rounding, **keywords), arrays, rounded, number)


@few_cases
def test_some_states_and_a_rounding_for_each(case: Case) -> None:
    for name in case.states:
        others = tuple(other for other in case.states if other not in (name, "max_exp_avg_sq"))
        arrays = random_arrays(case, dict.fromkeys(case.states, BFLOAT16))
        assert_stored(given(case, state_rounding={name: "nearest"}), arrays, others)
        one = () if name == "max_exp_avg_sq" else (name,)
        rounding = given(case, state_rounding=dict.fromkeys(others, "nearest"))
        assert_stored(rounding, random_arrays(case, {name: BFLOAT16}), one)


@few_cases
def test_random_bits_are_those_of_seed_step_and_position(case: Case) -> None:
    stochastic = ("param", *(name for name in case.states if name != "max_exp_avg_sq"))
    dtypes = dict.fromkeys(("param", *case.states), BFLOAT16)
    for number, seed, parameter in ((2**40, 2**64 - 1, 0), (7, 3, 1000)):
        keywords = {"seed": seed, "first_parameter": parameter, "param_rounding": "stochastic"}
        arrays = random_arrays(case, dtypes)
        assert_stored(given(case, **keywords), arrays, stochastic, number, seed, parameter)


def test_each_array_of_a_sequence_has_its_position() -> None:
    case = given(AMSGRAD, param_rounding="stochastic")
    dtypes = dict.fromkeys(("param", *case.states), BFLOAT16)
    each = [random_arrays(case, dtypes, shape) for shape in ((), (5,), SHAPE, (0,), (40,))]
    together = {name: [arrays[name].copy() for arrays in each] for name in each[0]}
    given(case, first_parameter=10).step(reference, together)
    for k, arrays in enumerate(each):
        given(case, first_parameter=10 + k).step(reference, arrays)
        for name, array in arrays.items():
            assert_same_bits(together[name][k], array, f"{name} {k}")


# Masters


@few_cases
def test_a_parameter_with_its_rest_is_trained_as_float32(case: Case) -> None:
    arrays = random_arrays(case, {"grad": BFLOAT16})
    parts = copied(arrays)
    parts["param"], parts["param_rest"] = split_master(arrays["param"])
    for number in range(1, 6):
        arrays["grad"] = parts["grad"] = case.random_arrays(SHAPE, BFLOAT16, number)["grad"]
        case.step(reference, arrays, number)
        case.step(reference, parts, number)
        assert_same_bits(join_master(parts["param"], parts["param_rest"]), arrays["param"])
        for name in case.states:
            assert_same_bits(parts[name], arrays[name], name)


def test_a_first_rest_of_zeros() -> None:
    param = np.ones(3, BFLOAT16)
    rest = np.zeros(3, np.int16)
    reference.sgd_step(param, np.ones(3, BFLOAT16), step=1, lr=1e-3, param_rest=rest)
    assert_same_bits(join_master(param, rest), np.full(3, np.float32(1) - np.float32(1e-3)))


# Copies


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("shown", [*HALVES, FLOAT32], ids=str)
def test_copies_are_the_parameter_to_nearest(shown: np.dtype[Any], dtype: Any) -> None:
    case = MOMENTUM
    arrays = case.random_arrays(SHAPE, np.dtype(dtype))
    copy = np.zeros(SHAPE, shown)
    given(case, copies=copy).step(reference, arrays)
    assert_same_bits(copy, narrow(arrays["param"], shown))


@pytest.mark.parametrize("shown", [*HALVES, FLOAT32], ids=str)
def test_copies_of_parameters_in_16_bits_are_what_is_stored(shown: np.dtype[Any]) -> None:
    for half, keywords in (
        (HALVES[0], {}),
        (BFLOAT16, {"param_rounding": "stochastic"}),
    ):
        arrays = random_arrays(MOMENTUM, {"param": half})
        copy = np.zeros(SHAPE, shown)
        given(MOMENTUM, copies=copy, **keywords).step(reference, arrays)
        assert_same_bits(copy, narrow(arrays["param"].astype(np.float32), shown))


@pytest.mark.parametrize("shown", [*HALVES, FLOAT32], ids=str)
def test_copies_of_a_parameter_with_its_rest_are_the_master_s(shown: np.dtype[Any]) -> None:
    """Twice rounded they would not be: the master lies just above a tie of float16."""
    param, rest = split_master(np.full(3, 1 + 2.0**-11 + 2.0**-20, np.float32))
    copy = np.zeros(3, shown)
    grad = np.zeros(3, np.float32)
    reference.sgd_step(param, grad, step=1, lr=1.0, param_rest=rest, copies=copy)
    assert_same_bits(copy, narrow(join_master(param, rest), shown))


def test_some_parameters_may_have_none() -> None:
    params = [np.ones(3, BFLOAT16), np.ones(3, np.float32)]
    rest, copy = np.zeros(3, np.int16), np.zeros(3, np.float16)
    grads = [np.ones(3, np.float32)] * 2
    reference.sgd_step(params, grads, step=1, lr=0.5, param_rest=[rest, None], copies=[None, copy])
    assert [each.astype(float).tolist() for each in (*params, copy)] == [[0.5] * 3] * 3


# Rows


@row_cases
def test_rows_have_the_random_bits_of_their_places(case: Case) -> None:
    case = given(case, param_rounding="stochastic")
    dtypes = dict.fromkeys(("param", *case.states), BFLOAT16)
    arrays = random_arrays(case, dtypes, (6, 3, 5))
    of_rows, before = copied(arrays), copied(arrays)
    rows = [5, 1, 2]
    of_rows["grad"] = RowGradient(np.array(rows), arrays["grad"][rows])
    copy = np.zeros((6, 3, 5), np.float16)
    given(case, copies=copy).step(reference, of_rows)
    case.step(reference, arrays)
    for name in ("param", *case.states):
        assert_same_bits(of_rows[name][rows], arrays[name][rows], name)
        assert_same_bits(of_rows[name][[0, 3, 4]], before[name][[0, 3, 4]], name)
    assert_same_bits(copy[rows], arrays["param"][rows].astype(np.float16))
    assert (copy[[0, 3, 4]] == 0).all()


@pytest.mark.parametrize("shape", [(6,), (6, 7), (6, 0), (6, 2, 0)])
def test_no_rows(shape: tuple[int, ...]) -> None:
    param = np.ones(shape, BFLOAT16)
    for rows in ([], [2]):
        grad = np.zeros((len(rows), *shape[1:]), np.float32)
        reference.sgd_step(
            param,
            RowGradient(np.array(rows, int), grad),
            step=1,
            param_rounding="stochastic",
            copies=np.zeros(shape, np.float32),
        )
    assert_same_bits(param, np.ones(shape, BFLOAT16))


def test_rows_of_masters() -> None:
    arrays = random_arrays(MOMENTUM, {})
    parts = copied(arrays)
    parts["param"], parts["param_rest"] = split_master(arrays["param"])
    untouched = parts["param_rest"][[0, 1, 2]].copy()
    rows = np.array([4, 3, 4, 5])
    grad = np.random.default_rng(0).standard_normal((4, 7))
    arrays["grad"] = RowGradient(rows, grad.astype(np.float32))
    parts["grad"] = arrays["grad"]
    MOMENTUM.step(reference, arrays)
    MOMENTUM.step(reference, parts)
    assert_same_bits(join_master(parts["param"], parts["param_rest"]), arrays["param"])
    assert (parts["param_rest"][[0, 1, 2]] == untouched).all()


# Layouts


@few_cases
def test_any_layout(case: Case) -> None:
    case = given(case, param_rounding="stochastic")
    arrays = random_arrays(case, dict.fromkeys(("param", *case.states), BFLOAT16), (3, 4, 5))
    layouts: dict[str, Callable[[Array], Array]] = {
        "transposed": lambda array: array.transpose(2, 0, 1).copy().transpose(1, 2, 0),
        "reversed": lambda array: array[::-1, :, ::-1].copy()[::-1, :, ::-1],
        "strided": lambda array: np.repeat(array, 3, axis=1)[:, ::3],
    }
    others = {
        name: {name: layout(a) if a.ndim == 3 else a.copy() for name, a in arrays.items()}
        for name, layout in layouts.items()
    }
    copies = {layout: np.zeros_like(other["param"]) for layout, other in others.items()}
    case.step(reference, arrays)
    for layout, other in others.items():
        given(case, copies=copies[layout]).step(reference, other)
        for name, array in arrays.items():
            assert_same_bits(other[name], array, f"{layout} {name}")
        assert_same_bits(copies[layout], arrays["param"], layout)


# What needs a number


@pytest.mark.parametrize("module", [functional, reference], ids=["functional", "reference"])
@pytest.mark.parametrize("rule", ["rmsprop", "adadelta"])
def test_a_step_without_number_stores_nothing_stochastically(rule: str, module: Any) -> None:
    case = next(case for case in FEW_CASES if case.rule == rule)
    step = getattr(module, f"{rule}_step")
    narrow_states = random_arrays(case, dict.fromkeys(case.states, BFLOAT16))
    narrow_param = random_arrays(case, {"param": BFLOAT16})
    for arrays, keywords, refused in (
        (narrow_states, {}, True),
        (narrow_states, {"state_rounding": "nearest"}, False),
        (narrow_param, {}, False),
        (narrow_param, {"param_rounding": "stochastic"}, True),
        (random_arrays(case, {}), {"param_rounding": "stochastic"}, False),
    ):
        if refused:
            first = copied(random_arrays(case, {}))
            together = {name: [first[name], arrays[name]] for name in arrays}
            before = [copied(first), copied(arrays)]
            with pytest.raises(TypeError, match="step: expected the number of this step, from 1"):
                step(**together, **keywords)
            for now, then in zip((first, arrays), before, strict=True):
                for name, array in then.items():
                    assert_same_bits(now[name], array, name)
        else:
            step(**arrays, **keywords)


def test_float64_parameters_are_not_concerned() -> None:
    arrays = MOMENTUM.random_arrays(5, np.dtype(np.float64))
    plain = copied(arrays)
    keywords = {"state_rounding": "nearest", "param_rounding": "stochastic", "seed": 3}
    given(MOMENTUM, **keywords).step(reference, arrays)
    MOMENTUM.step(reference, plain)
    for name, array in plain.items():
        assert_same_bits(arrays[name], array, name)


def test_a_misspelled_keyword_is_none() -> None:
    param = np.ones(3, BFLOAT16)
    with pytest.raises(TypeError, match="unexpected keyword argument 'stat_rounding'"):
        reference.sgd_step(param, param, step=1, stat_rounding="nearest")  # type: ignore[call-arg]
