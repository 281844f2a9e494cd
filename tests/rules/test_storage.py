"""Compiled steps of arrays in 16 bits equal the reference bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from instep import functional
from instep.reference import split_master
from tests.cases import CASES, DTYPES, FEW_CASES, FEW_CONDITIONS, HALVES, Arguments, Array, Case
from tests.compare import assert_same_bits, assert_step_equals_reference
from tests.rules.test_bit_equality import special_triples
from tests.storage import (
    BFLOAT16,
    CASES_AND_STORAGES,
    FEW_STORAGES,
    FLOAT32,
    FLOAT64,
    STORAGES,
    Storage,
)

every_case = pytest.mark.parametrize("case", CASES, ids=str)
few_cases = pytest.mark.parametrize("case", FEW_CASES, ids=str)
few_storages = pytest.mark.parametrize("storage", FEW_STORAGES.values(), ids=FEW_STORAGES)
cases_and_storages = pytest.mark.parametrize(
    ("case", "storage"), CASES_AND_STORAGES.values(), ids=CASES_AND_STORAGES
)
every_half = pytest.mark.parametrize("half", HALVES, ids=str)

SIZES = (0, 1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 511, 512, 513, 1023, 1025, 4099, 10_007)


def assert_steps_equal_reference(
    case: Case,
    storage: Storage,
    shape: int | tuple[int, ...],
    steps: tuple[int, ...],
    what: str = "",
) -> None:
    arrays = storage.random_arrays(case, shape)
    for number in steps:
        arrays["grad"] = storage.random_arrays(case, shape, number)["grad"]
        assert_step_equals_reference(storage.of(case), arrays, number, f"of shape {shape}, {what}")


@every_case
def test_every_rule_and_every_storage(case: Case) -> None:
    for name, storage in STORAGES.items():
        assert_steps_equal_reference(case, storage, 513, (1, 2), name)


@cases_and_storages
def test_every_size(case: Case, storage: Storage) -> None:
    for size in SIZES:
        assert_steps_equal_reference(case, storage, size, (2**40,))


@few_storages
@few_cases
def test_no_axes(case: Case, storage: Storage) -> None:
    assert_steps_equal_reference(case, storage, (), (1, 2, 3))


@cases_and_storages
def test_special_values(case: Case, storage: Storage) -> None:
    """Also such as 16 bits do not hold, which a step leads to."""
    with np.errstate(all="ignore"):
        special = special_triples(case, FLOAT64 if storage.param == FLOAT64 else FLOAT32)
        arrays = storage.random_arrays(case, special["param"].size)
        for name, values in special.items():
            arrays[name] = values.astype(arrays[name].dtype)
        if storage.rest:
            arrays["param"], arrays["param_rest"] = split_master(special["param"])
    for number in (1, 2):
        assert_step_equals_reference(storage.of(case), arrays, number)


@few_storages
@few_cases
def test_many_arrays_in_one_call(case: Case, storage: Storage) -> None:
    """Each has the random bits of its position."""
    each = [storage.random_arrays(case, size, seed=size) for size in SIZES]
    together = {name: [arrays[name] for arrays in each] for name in each[0]}
    for number in (1, 2):
        assert_step_equals_reference(storage.of(case), together, number)


@few_cases
def test_arrays_that_are_stored_in_different_ways_in_one_call(case: Case) -> None:
    """A rest and a copy are there for some."""
    each = [
        storage.random_arrays(case, 70, seed=position)
        for position, storage in enumerate(STORAGES.values())
    ]
    names = ("param", "grad", *case.states, "param_rest", "copies")
    together = {name: [arrays.get(name) for arrays in each] for name in names}
    keywords = {"param_rounding": None, "seed": 1}
    assert_step_equals_reference(Storage().of(case, **keywords), together, 2)


@few_storages
@pytest.mark.parametrize("conditions", FEW_CONDITIONS, ids=str)
@few_cases
def test_conditions(case: Case, storage: Storage, conditions: dict[str, Any]) -> None:
    each = [storage.random_arrays(case, size, seed=size) for size in (1, 17, 4097)]
    together = {name: [arrays[name] for arrays in each] for name in each[0]}
    assert_step_equals_reference(storage.of(case, **conditions), together, 3)


def test_a_gradient_is_finite_where_what_is_stored_of_it_is_not() -> None:
    arrays = Storage(states=[np.dtype(np.float16)]).random_arrays(MOMENTUM, 3)
    arrays["grad"][:] = 1e30
    guarded = Storage().of(MOMENTUM, nonfinite="raise", state_rounding="nearest")
    assert_step_equals_reference(guarded, arrays)
    assert np.isinf(arrays["momentum_buffer"]).all()


# Every pattern

(MOMENTUM,) = (
    case for case in FEW_CASES if (case.rule, case.states) == ("sgd", ("momentum_buffer",))
)


def patterns_of_32_bits() -> Array:
    """Return for each pattern of the upper 16 bits those of the lower at which something happens.

    Ties of bfloat16 and of float16, and their neighbours.
    """
    lower = [0, 1, 0xFFF, 0x1000, 0x1001, 0x3000, 0x7FFF, 0x8000, 0x8001, 0xF000, 0xFFFF, 0x5A5A]
    bits: Array = np.add.outer(np.arange(1 << 16) << 16, lower).astype(np.uint32)
    return bits.reshape(-1).view(np.float32)


@every_half
@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_any_number_is_rounded_as_the_reference_does(half: np.dtype[Any], rounding: str) -> None:
    """At step 1 the buffer takes the gradient."""
    grad = patterns_of_32_bits()
    case = Case("sgd", ("momentum_buffer",), {"lr": 0.0, "state_rounding": rounding})
    for seed in range(3):
        arrays = {
            "param": np.zeros(grad.size, np.float32),
            "grad": grad,
            "momentum_buffer": np.zeros(grad.size, half),
        }
        seeded = Case(case.rule, case.states, {**case.options, "seed": seed})
        assert_step_equals_reference(seeded, arrays)


@pytest.mark.parametrize("shown", [*HALVES, DTYPES[0]], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_any_number_is_copied_as_the_reference_does(
    shown: np.dtype[Any], dtype: np.dtype[Any]
) -> None:
    """A float64 a hair from a tie shows whether it is rounded once."""
    numbers = patterns_of_32_bits()
    with np.errstate(all="ignore"):
        each = [numbers.astype(dtype)]
        if dtype == FLOAT64:
            each += [np.nextafter(each[0], np.float64(end)) for end in (-np.inf, np.inf)]
            each += [numbers.astype(dtype) * 1e200]
    for param in each:
        arrays = {
            "param": param,
            "grad": np.zeros_like(param),
            "copies": np.zeros(param.size, shown),
        }
        assert_step_equals_reference(Case("sgd", (), {"lr": 1.0}), arrays)


@every_half
def test_every_pattern_of_16_bits_is_the_number_that_it_was(half: np.dtype[Any]) -> None:
    """As a parameter and as a state: they move by nothing."""
    bits = np.arange(1 << 16, dtype=np.uint16)
    arrays = {
        "param": bits.view(half).copy(),
        "grad": np.zeros(bits.size, np.float32),
        "momentum_buffer": bits.view(half).copy(),
    }
    case = Case("sgd", ("momentum_buffer",), {"lr": 0.0, "momentum": 1.0})
    case.step(functional, arrays, 2)
    numbers = bits.view(half).astype(np.float32)
    with np.errstate(invalid="ignore"):
        sums = numbers + np.float32(0)  # -0 + 0 is 0
    assert_same_bits(arrays["momentum_buffer"], sums.astype(half))
    finite = np.isfinite(numbers)
    assert_same_bits(arrays["param"][finite], bits.view(half)[finite])


def pairs(uppers: Array) -> Arguments:
    """Return parameters of these patterns, each with all rests, and no gradient."""
    rests = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
    return {
        "param": np.repeat(uppers.astype(np.uint16), 1 << 16).view(BFLOAT16),
        "grad": np.zeros(uppers.size << 16, np.float32),
        "param_rest": np.tile(rests, uppers.size),
    }


STILL = Case("sgd", (), {"lr": 0.0})


def test_parameters_with_every_rest() -> None:
    """Also such as no step leaves: of a parameter that was overwritten."""
    special = (
        0x0000,
        0x0001,
        0x007F,
        0x0080,
        0x3F80,
        0x7F7E,
        0x7F7F,
        0x7F80,
        0x7F81,
        0x7FC0,
        0x7FFF,
    )
    uppers = np.array([*special, *(0x8000 | each for each in special)])
    assert_step_equals_reference(STILL, pairs(uppers))


@pytest.mark.exhaustive
def test_every_parameter_with_every_rest() -> None:
    for uppers in np.arange(1 << 16).reshape(-1, 1 << 6):
        assert_step_equals_reference(STILL, pairs(uppers))
