"""The compiled step functions equal the reference bit for bit."""

import copy
import inspect
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instep import functional, reference
from instep.hyperparameters import OptionCheck
from instep.optimizers import class_of
from tests.cases import (
    CASES,
    DTYPES,
    FEW_CASES,
    Arguments,
    Array,
    Case,
    arrays_and_options,
    new_scalars,
    parameters_of,
)
from tests.compare import assert_same_bits, assert_step_equals_reference

every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)

# Around the widths of vectors (2 to 16 elements), of unrolled loops and of the engine's blocks.
SIZES = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 127, 128, 129),
    *(255, 256, 257, 511, 513, 1000, 1023, 1024, 1025, 2047, 2049, 4095, 4096, 4099, 8191, 10007),
)
STEPS = 2


@pytest.mark.parametrize("rule", sorted({case.rule for case in CASES}))
def test_the_table_varies_every_state_and_option(rule: str) -> None:
    arrays, options = arrays_and_options(rule)
    parameters = parameters_of(rule)
    cases = [case for case in CASES if case.rule == rule]
    for name in options:
        if name != "lr":
            given = {case.options.get(name, parameters[name].default) for case in cases}
            assert len(given) > 1, f"tests/optimizers/{rule}.py: no case varies {name}"
    for state in arrays[2:]:
        required = parameters[state].default is inspect.Parameter.empty
        present = {state in case.states for case in cases}
        assert present == ({True} if required else {True, False}), (
            f"tests/optimizers/{rule}.py: the cases pass {state} "
            f"{'not always' if required else 'always or never'}"
        )


@every_dtype
@every_case
def test_every_size(case: Case, dtype: np.dtype[Any]) -> None:
    for size in SIZES:
        arrays = case.random_arrays(size, dtype, seed=size)
        for number in range(1, STEPS + 1):
            arrays["grad"] = case.random_arrays(size, dtype, seed=number)["grad"]
            assert_step_equals_reference(case, arrays, number, f"of {size} elements")


@every_dtype
@every_case
def test_a_scalar_is_the_gradient_of_a_parameter_without_axes(
    case: Case, dtype: np.dtype[Any]
) -> None:
    expected = case.random_arrays((), dtype)
    given = [copy.deepcopy(expected) for _ in range(4)]
    case.step(functional, expected)
    for implementation, (alone, listed) in zip(
        (functional, reference), (given[:2], given[2:]), strict=True
    ):
        in_lists = {name: [array] for name, array in listed.items()}
        with np.errstate(all="ignore"):
            case.step(implementation, {**alone, "grad": alone["grad"][()]})
            case.step(implementation, {**in_lists, "grad": [listed["grad"][()]]})
    for name, wanted in expected.items():
        for arrays in given:
            assert_same_bits(arrays[name], wanted, name)


@every_dtype
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_every_start_within_a_vector(case: Case, dtype: np.dtype[Any]) -> None:
    size = 77
    for start in range(17):
        arrays = {}
        for i, (name, array) in enumerate(case.random_arrays(size, dtype, seed=start).items()):
            longer = np.empty(array.size + 64, dtype)
            arrays[name] = longer[start * (1 + i) % 17 :][: array.size].reshape(array.shape)
            arrays[name][...] = array
        assert_step_equals_reference(case, arrays, what=f"from {start} on")


def special_values(dtype: np.dtype[Any]) -> Array:
    """Return 29 values, at whose products, sums and roots something happens."""
    info = np.finfo(dtype)
    positive = [
        0.0,
        info.smallest_subnormal,
        info.smallest_subnormal * 3,
        info.smallest_normal - info.smallest_subnormal,
        info.smallest_normal,
        np.sqrt(info.smallest_normal) / 2,  # the square is subnormal
        1e-10,
        info.eps,
        1.0 - info.epsneg,
        1.0,
        1.0 + info.eps,
        np.sqrt(info.max) * 2,  # the square overflows
        info.max,
        np.inf,
    ]
    return np.array([*positive, *(-value for value in positive), np.nan], dtype)


def special_triples(case: Case, dtype: np.dtype[Any]) -> Arguments:
    """Return arrays that hold, whichever three one looks at, every triple of special values.

    They are the values of all quadratic polynomials over a field whose size is a prime number,
    each array at a point of its own: any three points determine the polynomial.
    """
    values = special_values(dtype)
    prime = len(values)
    constant, linear, quadratic = np.indices((prime, prime, prime)).reshape(3, -1)
    names = ("param", "grad", *case.states)
    return {
        name: np.resize(
            values[(constant + linear * x + quadratic * x * x) % prime],
            case.shape_of(name, prime**3),
        )
        for x, name in enumerate(names)
    }


@every_dtype
@every_case
def test_special_values(case: Case, dtype: np.dtype[Any]) -> None:
    arrays = special_triples(case, dtype)
    for number in (1, 1000):
        assert_step_equals_reference(case, arrays, number)


@every_dtype
@every_case
def test_many_steps_later(case: Case, dtype: np.dtype[Any]) -> None:
    for number in (10, 1000, 10**6, 2**31 + 1, 2**40, 2**53 + 1, 2**63 - 1):
        assert_step_equals_reference(case, case.random_arrays(19, dtype), number)


@every_dtype
@pytest.mark.parametrize("lr", [np.float64(0.1), np.float32(0.1), np.int64(1), 1], ids=repr)
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_numpy_scalars_do_not_promote(case: Case, dtype: np.dtype[Any], lr: Any) -> None:
    with_lr = Case(case.rule, case.states, {**case.options, "lr": lr})
    assert_step_equals_reference(with_lr, case.random_arrays(19, dtype))


@every_dtype
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_states_by_position(case: Case, dtype: np.dtype[Any]) -> None:
    signature = inspect.signature(getattr(reference, f"{case.rule}_step"))
    options: dict[str, Any] = {**case.options, "step": 2}
    expected = case.random_arrays(19, dtype)
    actual = {name: array.copy() for name, array in expected.items()}
    actual |= new_scalars(case.rule, actual["param"])
    case.step(reference, expected, number=2)
    arguments = signature.bind(**actual, **options)
    arguments.apply_defaults()
    getattr(functional, f"{case.rule}_step")(*arguments.args, **arguments.kwargs)
    for name, array in expected.items():
        assert_same_bits(actual[name], array, name)


@pytest.mark.parametrize("sequence", [list, tuple])
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_many_arrays_in_one_call(case: Case, sequence: type) -> None:
    each = [
        case.random_arrays(size, dtype, seed=size)
        for size, dtype in zip(SIZES, DTYPES * len(SIZES), strict=False)
    ]
    arrays = {name: sequence(arrays[name] for arrays in each) for name in each[0]}
    for number in range(1, STEPS + 1):
        assert_step_equals_reference(case, arrays, number)


def strategies(rule: str) -> dict[str, st.SearchStrategy[Any]]:
    """Return for each option of a step function, but nesterov, values that its class allows."""
    return {
        name: values(check)
        for name, check in class_of(rule)._rule.checks.items()
        if name in parameters_of(rule) and name != "nesterov"  # not with every other option
    }


def values(check: OptionCheck) -> st.SearchStrategy[Any]:
    if check.interval is None:
        return st.booleans()
    low, high = check.interval
    return st.floats(max(low, -sys.float_info.max), min(high, sys.float_info.max))


@settings(max_examples=40)
@given(data=st.data())
@every_dtype
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_any_options_and_values(case: Case, dtype: np.dtype[Any], data: st.DataObject) -> None:
    drawn_from = strategies(case.rule)
    for state, option in class_of(case.rule)._rule.switches.items():
        if state not in case.states:
            drawn_from.pop(option, None)
    options = data.draw(st.fixed_dictionaries({"lr": drawn_from.pop("lr")}, optional=drawn_from))
    if case.rule == "sgd" and options.get("momentum") and not options.get("dampening"):
        options["nesterov"] = data.draw(st.booleans())
    elements = hnp.from_dtype(dtype)
    size = data.draw(st.integers(0, 20))
    arrays = {
        name: data.draw(hnp.arrays(dtype, case.shape_of(name, size), elements=elements))
        for name in ("param", "grad", *case.states)
    }
    numbers = data.draw(st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=2))
    drawn = Case(case.rule, case.states, options)
    for number in numbers:
        assert_step_equals_reference(drawn, arrays, number)
