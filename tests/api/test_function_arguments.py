"""What the step functions take and refuse, with what message; a refused call changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest

from instep import functional
from tests.api.model import (
    assert_same,
    copied,
)
from tests.api.odd_arrays import f32, masked, overlapping, read_only, writeable_broadcast
from tests.cases import arrays_and_options, new_scalars, parameters_of, state_shape
from tests.optimizers import DESCRIPTIONS

Errors: TypeAlias = type[Exception] | tuple[type[Exception], ...]


def states_of_a_vector(rule: str) -> list[str]:
    """Return the states that a parameter of one axis has, by the names of the arguments."""
    _, _, *states = arrays_and_options(rule)[0]
    return [name for name in states if state_shape(rule, name, (4,)) is not None]


# The functions and their states; what each is asked for apart from arrays.
FUNCTIONS: dict[str, tuple[int, dict[str, Any]]] = {
    f"{rule}_step": (len(states_of_a_vector(rule)), {"lr": 0.5, "step": 1}) for rule in DESCRIPTIONS
}
each_function = pytest.mark.parametrize("function", FUNCTIONS)


def call(function: str, arrays: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Call a step function with arrays in its order, and new scalars where it takes some."""
    rule = function.removesuffix("_step")
    scalars = new_scalars(rule, arrays[0])
    _, _, *states = arrays_and_options(rule)[0]
    # Those of a matrix come before those that a vector has.
    absent = [None for name in states if name not in states_of_a_vector(rule)]
    return getattr(functional, function)(*arrays[:2], *absent, *arrays[2:], **scalars, **options)


def call_refused(
    function: str, arrays: list[Any], options: dict[str, Any], error: Errors, match: str
) -> None:
    flat = [
        array
        for each in arrays
        for array in (each if isinstance(each, list | tuple) else [each])
        if isinstance(array, np.ndarray)
    ]
    before = copied(flat)
    with pytest.raises(error, match=match):
        call(function, arrays, options)
    assert_same(flat, before)


def zeros(count: int) -> list[Any]:
    return [np.zeros(4, np.float32) for _ in range(count)]


# What is wrong with one array of a call whose other arrays are float32 of shape (4,).
WRONG_ARRAYS: dict[str, tuple[Callable[[], Any], Errors, str]] = {
    "None": (lambda: None, TypeError, "None"),
    "a number": (lambda: 1.0, TypeError, "float"),
    "masked": (lambda: masked(4), TypeError, "masked"),
    "integers": (lambda: np.ones(4, np.int32), TypeError, "int32"),
    "float64": (lambda: np.ones(4), TypeError, "float64"),
    "byte-swapped": (
        lambda: np.ones(4, np.dtype(np.float32).newbyteorder()),
        TypeError,
        "byte order",
    ),
    "shape": (lambda: f32(5), ValueError, r"\(4,\).*\(5,\)|\(5,\).*\(4,\)"),
    "one element": (lambda: f32(1), ValueError, r"\(4,\).*\(1,\)|\(1,\).*\(4,\)"),
    "a list": (lambda: [f32(4)], TypeError, "list|sequence"),
}


@pytest.mark.parametrize(("wrong", "error", "match"), WRONG_ARRAYS.values(), ids=list(WRONG_ARRAYS))
@each_function
def test_arrays_that_functions_refuse(
    function: str, wrong: Callable[[], Any], error: type[Exception], match: str
) -> None:
    states, options = FUNCTIONS[function]
    declared = list(parameters_of(function.removesuffix("_step")).values())
    for position in range(2 + states):
        given = wrong()
        if given is None and declared[position].default is None:
            continue
        arrays = zeros(2 + states)
        arrays[position] = given
        call_refused(function, arrays, options, error, match)


@each_function
def test_written_arrays_that_functions_refuse(function: str) -> None:
    states, options = FUNCTIONS[function]
    for position in [0, *range(2, 2 + states)]:
        for wrong, match in [
            (read_only(f32(4)), "read-only"),
            (writeable_broadcast(), "internal overlap"),
        ]:
            arrays = zeros(2 + states)
            arrays[position] = wrong
            call_refused(function, arrays, options, ValueError, match)


@each_function
def test_functions_refuse_arrays_that_overlap(function: str) -> None:
    states, options = FUNCTIONS[function]
    for first in range(2 + states):
        for second in range(first + 1, 2 + states):
            arrays = zeros(2 + states)
            arrays[first], arrays[second] = overlapping()
            call_refused(function, arrays, options, ValueError, "share memory")


@each_function
def test_functions_accept_interleaved_arrays(function: str) -> None:
    states, options = FUNCTIONS[function]
    columns = list(np.ones((4, 2 + states), np.float32).T)
    apart = [column.copy() for column in columns]
    call(function, columns, options)
    call(function, apart, options)
    assert_same(columns, apart)


@each_function
def test_functions_refuse_sequences_that_do_not_match(function: str) -> None:
    states, options = FUNCTIONS[function]
    for position in range(2 + states):
        arrays: list[Any] = [[each] for each in zeros(2 + states)]
        arrays[position] = zeros(2)
        call_refused(function, arrays, options, ValueError, "1.*2|2.*1")
        arrays[position] = []
        call_refused(function, arrays, options, ValueError, "0")
        arrays[position] = f32(1, 4)
        call_refused(function, arrays, options, TypeError, "sequence|ndarray")


@each_function
def test_functions_refuse_one_memory_in_two_parameters(function: str) -> None:
    states, options = FUNCTIONS[function]
    for position in [0, *range(2, 2 + states)]:
        arrays = [zeros(2) for _ in range(2 + states)]
        arrays[position] = list(overlapping())
        call_refused(function, arrays, options, ValueError, "share memory")


@each_function
def test_functions_name_the_parameter_at_fault(function: str) -> None:
    states, options = FUNCTIONS[function]
    arrays = [zeros(3) for _ in range(2 + states)]
    arrays[1][2] = np.ones(4)
    call_refused(function, arrays, options, TypeError, "2.*float32.*float64")
    arrays[1][2] = f32(5)
    call_refused(function, arrays, options, ValueError, r"2.*\(4,\).*\(5,\)")


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (1.0, TypeError),
        (True, TypeError),
        ("1", TypeError),
        (None, TypeError),
    ],
)
@each_function
def test_functions_refuse_a_wrong_step(function: str, step: Any, error: type[Exception]) -> None:
    if step is None and parameters_of(function.removesuffix("_step"))["step"].default is None:
        return  # its number matters only to what is stored stochastically
    states, options = FUNCTIONS[function]
    call_refused(function, zeros(2 + states), options | {"step": step}, error, "step")


@pytest.mark.parametrize(
    ("function", "states", "options", "error", "match"),
    [
        ("sgd_step", 0, {"momentum": 0.5}, ValueError, "momentum_buffer"),
        ("sgd_step", 1, {"nesterov": True}, ValueError, "(?i)nesterov"),
        ("sgd_step", 0, {"nesterov": True}, ValueError, "(?i)nesterov"),
        (
            "sgd_step",
            1,
            {"nesterov": True, "momentum": 0.5, "dampening": 0.5},
            ValueError,
            "(?i)nesterov",
        ),
        ("rmsprop_step", 1, {"momentum": 0.5}, ValueError, "momentum_buffer"),
        ("adam_step", 0, {}, TypeError, "exp_avg"),
        ("adam_step", 1, {}, TypeError, "exp_avg_sq"),
        ("rmsprop_step", 0, {}, TypeError, "square_avg"),
        ("adagrad_step", 0, {}, TypeError, "state_sum"),
        ("adadelta_step", 1, {}, TypeError, "acc_delta"),
        ("adam_step", 2, {"beta1": 1.0}, ValueError, "beta1"),
        ("adam_step", 2, {"beta2": -0.5}, ValueError, "beta2"),
        ("adam_step", 2, {"eps": float("nan")}, ValueError, "eps"),
        ("adam_step", 2, {"lr": -1.0}, ValueError, "lr"),
        ("adam_step", 2, {"lr": "1"}, TypeError, "lr"),
        ("adam_step", 2, {"lr": lambda _: 0.5}, TypeError, "lr"),
        ("adam_step", 2, {"weight_decay": -1.0}, ValueError, "weight_decay"),
        ("adam_step", 2, {"colour": 1.0}, TypeError, "colour"),
        ("rmsprop_step", 1, {"alpha": -1.0}, ValueError, "alpha"),
        ("adagrad_step", 1, {"lr_decay": -1.0}, ValueError, "lr_decay"),
        ("adadelta_step", 2, {"rho": 1.5}, ValueError, "rho"),
    ],
)
def test_options_that_functions_refuse(
    function: str, states: int, options: dict[str, Any], error: type[Exception], match: str
) -> None:
    call_refused(function, zeros(2 + states), FUNCTIONS[function][1] | options, error, match)


def test_functions_need_step_by_name() -> None:
    call_refused("sgd_step", zeros(2), {"lr": 0.5}, TypeError, "step")
    twice = {"param": f32(4), "step": 1, "lr": 0.5}
    call_refused("sgd_step", zeros(2), twice, TypeError, "multiple values.*param")
    call_refused("sgd_step", [*zeros(3), 1], {"step": 1, "lr": 0.5}, TypeError, "positional")


@each_function
def test_functions_return_none(function: str) -> None:
    states, options = FUNCTIONS[function]
    assert call(function, zeros(2 + states), options) is None
    assert call(function, [[a] for a in zeros(2 + states)], options) is None
