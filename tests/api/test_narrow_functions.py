"""What functions refuse of arrays in 16 bits, and in which words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instep import functional
from tests.api.model import assert_same, copied
from tests.api.narrow import BFLOAT16, FLOAT16
from tests.api.test_storage_arguments import ROUNDINGS
from tests.cases import Array


def f32(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def bf(*values: float) -> Array:
    return np.array(values, BFLOAT16)


def sgd_arrays(**changed: Any) -> dict[str, Any]:
    arrays = {"param": bf(1, 2), "grad": bf(1, 2), "momentum_buffer": bf(0, 0)}
    return {**arrays, "step": 1, "momentum": 0.5, **changed}


FUNCTIONAL: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a state in float64": (
        {"momentum_buffer": np.zeros(2)},
        TypeError,
        (
            "momentum_buffer: expected dtype float32, in which its parameter is stepped, or one of "
            "16 bits, got float64; write .astype(np.float32)"
        ),
    ),
    "a narrow state of float64": (
        {"param": np.ones(2), "grad": np.ones(2)},
        TypeError,
        (
            "momentum_buffer: expected dtype float64 as its parameter has, got bfloat16; write "
            ".astype(np.float64)"
        ),
    ),
    "a rest in uint16": (
        {"param_rest": np.zeros(2, np.uint16)},
        TypeError,
        "param_rest: expected dtype int16, got uint16",
    ),
    "a rest in the other byte order": (
        {"param_rest": np.zeros(2, np.dtype(np.int16).newbyteorder())},
        TypeError,
        "param_rest: expected dtype int16, got >i2",
    ),
    "a rest of float16": (
        {"param": np.ones(2, FLOAT16), "param_rest": np.zeros(2, np.int16)},
        TypeError,
        "param_rest: expected a parameter of bfloat16, whose master it completes, got float16",
    ),
    "a rest of float32": (
        {"param": f32(2), "param_rest": np.zeros(2, np.int16)},
        TypeError,
        "param_rest: expected a parameter of bfloat16, whose master it completes, got float32",
    ),
    "a rest of another shape": (
        {"param_rest": np.zeros(3, np.int16)},
        ValueError,
        "param_rest: expected shape (2,) as its parameter has, got (3,)",
    ),
    "a rest that is rounded": (
        {"param_rest": np.zeros(2, np.int16), "param_rounding": "nearest"},
        ValueError,
        "param_rounding",
    ),
    "a copy in float64": (
        {"copies": np.zeros(2)},
        TypeError,
        "copy: expected dtype float16, bfloat16 or float32, got float64",
    ),
    "a copy of another shape": (
        {"copies": f32(3)},
        ValueError,
        "copy: expected shape (2,) as its parameter has, got (3,)",
    ),
    "an unknown state": (
        {"state_rounding": {"exp_avg": "nearest"}},
        ValueError,
        "state_rounding: expected the names of states, momentum_buffer, got 'exp_avg'",
    ),
    "another word": ({"state_rounding": "up"}, ValueError, f"state_rounding: {ROUNDINGS}, got"),
    "another word for parameters": (
        {"param_rounding": "up"},
        ValueError,
        f"param_rounding: {ROUNDINGS}, got 'up'",
    ),
    "a seed below 0": ({"seed": -1}, ValueError, "seed: expected an integer of at least 0"),
    "a seed that is true": ({"seed": True}, TypeError, "seed: expected an integer, got True"),
    "a seed of 65 bits": ({"seed": 2**64}, ValueError, "seed: expected an integer below"),
    "a position below 0": (
        {"first_parameter": -1},
        ValueError,
        "first_parameter: expected an integer of at least 0, got -1",
    ),
    "a position of 1.0": (
        {"first_parameter": 1.0},
        TypeError,
        "first_parameter: expected an integer, got 1.0",
    ),
}


@pytest.mark.parametrize(("changed", "error", "message"), FUNCTIONAL.values(), ids=FUNCTIONAL)
def test_what_functions_refuse(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = sgd_arrays(**changed)
    before = copied([each for each in arguments.values() if isinstance(each, np.ndarray)])
    with pytest.raises(error, match=re.escape(message)):
        functional.sgd_step(**arguments)
    assert_same([each for each in arguments.values() if isinstance(each, np.ndarray)], before)


STEP = (
    "step: expected the number of this step, from 1, from which what is stored stochastically "
    "takes its random bits, got None"
)


@pytest.mark.parametrize("name", ["rmsprop_step", "adadelta_step"])
@pytest.mark.parametrize("missing", [{}, {"step": None}], ids=["none given", "None"])
def test_random_bits_need_the_steps_number(name: str, missing: dict[str, None]) -> None:
    step: Any = getattr(functional, name)
    states = [bf(0, 0)] if name == "rmsprop_step" else [bf(0, 0), bf(0, 0)]
    arrays = [bf(1, 2), bf(1, 2), *states]
    before = copied(arrays)
    with pytest.raises(TypeError, match=re.escape(STEP)):
        step(*arrays, **missing)
    assert_same(arrays, before)
    step(*arrays, state_rounding="nearest", **missing)
    with pytest.raises(TypeError, match=re.escape(STEP)):
        step(*arrays, state_rounding="nearest", param_rounding="stochastic", **missing)
    step(*arrays, step=1)
    arrays = [f32(2) for _ in arrays]
    step(*arrays, **missing)  # nothing is stored in 16 bits


def test_the_states_that_functions_are_told_of() -> None:
    """A maximum is rounded to nearest without being asked; a word for it must say so."""
    arrays = [bf(1, 2), bf(1, 2), bf(0, 0), bf(0, 0), bf(0, 0)]
    with pytest.raises(ValueError, match=r"state_rounding\['max_exp_avg_sq'\]: expected 'nearest'"):
        functional.adam_step(*arrays, step=1, state_rounding={"max_exp_avg_sq": "stochastic"})


def test_parameters_that_share_a_call_have_rests_and_copies_of_their_own() -> None:
    params, grads = [bf(1, 2), f32(3)], [bf(1, 2), f32(3)]
    with pytest.raises(TypeError, match="param_rest of parameter 1: expected a parameter of bf"):
        functional.sgd_step(
            params, grads, param_rest=[np.zeros(2, np.int16), np.zeros(3, np.int16)], step=1
        )
    with pytest.raises(ValueError, match="copies: expected 2 arrays, as many as param, got 1"):
        functional.sgd_step(params, grads, copies=[None], step=1)
    same = bf(0, 0)
    with pytest.raises(ValueError, match="share memory"):
        functional.sgd_step([bf(1), bf(1)], [bf(1), bf(1)], copies=[same[:1], same[:1]], step=1)


def test_arrays_in_files(tmp_path: Path) -> None:
    def mapped(name: str, dtype: Any) -> Array:
        array = np.memmap(tmp_path / name, dtype, "w+", shape=(50, 3))
        array[...] = 1
        return array

    files: dict[str, Any] = {
        "param": mapped("param", BFLOAT16),
        "exp_avg": mapped("exp_avg", BFLOAT16),
        "exp_avg_sq": mapped("exp_avg_sq", FLOAT16),
        "param_rest": mapped("param_rest", np.int16),
        "copies": mapped("copies", FLOAT16),
    }
    arrays: dict[str, Any] = {name: np.array(array) for name, array in files.items()}
    grad = np.linspace(-1, 1, 150).reshape(50, 3).astype(BFLOAT16)
    for step in (1, 2):
        for each in (files, arrays):
            functional.adam_step(grad=grad, **each, step=step, lr=0.1)
    for name, array in arrays.items():
        found = np.fromfile(tmp_path / name, np.uint16).view(array.dtype)
        assert_same(found.reshape(50, 3), array, name)
