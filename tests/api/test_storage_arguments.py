"""Options of what is stored in 16 bits: what is taken, what is refused, and in which words."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import make
from tests.api.narrow import BFLOAT16, FLOAT16
from tests.cases import HALVES

DTYPES = "expected None, float16, bfloat16 or float32, alone or by the names of states"
NAMES = "expected the names of states, exp_avg, exp_avg_sq, max_exp_avg_sq"
ROUNDINGS = "expected 'nearest' or 'stochastic'"

OPTIONS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "states in float64": ({"state_dtype": np.float64}, ValueError, f"state_dtype: {DTYPES}, got"),
    "states of integers": ({"state_dtype": np.int16}, ValueError, f"state_dtype: {DTYPES}, got"),
    "an unknown type": (
        {"state_dtype": "quarter"},
        ValueError,
        f"state_dtype: {DTYPES}, got 'quarter'",
    ),
    "raw bytes": ({"state_dtype": "V2"}, ValueError, f"state_dtype: {DTYPES}, got 'V2'"),
    "the other byte order": (
        {"state_dtype": np.dtype(np.float16).newbyteorder()},
        ValueError,
        f"state_dtype: {DTYPES}",
    ),
    "an array": ({"state_dtype": np.zeros(2)}, ValueError, f"state_dtype: {DTYPES}, got array"),
    "an unknown state": (
        {"state_dtype": {"exp_avgs": BFLOAT16}},
        ValueError,
        f"state_dtype: {NAMES}, got 'exp_avgs' (did you mean 'exp_avg'?)",
    ),
    "a state that is no name": ({"state_dtype": {1: BFLOAT16}}, ValueError, f"{NAMES}, got 1"),
    "a state in float64": (
        {"state_dtype": {"exp_avg": BFLOAT16, "exp_avg_sq": np.float64}},
        ValueError,
        f"state_dtype['exp_avg_sq']: {DTYPES}, got",
    ),
    "another word": (
        {"state_rounding": "up"},
        ValueError,
        f"state_rounding: {ROUNDINGS}, got 'up'",
    ),
    "no word": ({"state_rounding": None}, ValueError, f"state_rounding: {ROUNDINGS}, got None"),
    "words in an array": (
        {"state_rounding": np.array(["nearest", "nearest"])},
        ValueError,
        f"state_rounding: {ROUNDINGS}, got array",
    ),
    "rounding of an unknown state": (
        {"state_rounding": {"exp": "nearest"}},
        ValueError,
        f"state_rounding: {NAMES}, got 'exp'",
    ),
    "another word for a state": (
        {"state_rounding": {"exp_avg": "down"}},
        ValueError,
        f"state_rounding['exp_avg']: {ROUNDINGS}, got 'down'",
    ),
    "a maximum by chance": (
        {"state_rounding": {"max_exp_avg_sq": "stochastic"}},
        ValueError,
        (
            "state_rounding['max_exp_avg_sq']: expected 'nearest', got 'stochastic', by which a "
            "largest value so far would drift up"
        ),
    ),
    "another word for parameters": (
        {"param_rounding": "up"},
        ValueError,
        f"param_rounding: {ROUNDINGS}, got 'up'",
    ),
    "True for parameters": (
        {"param_rounding": True},
        ValueError,
        f"param_rounding: {ROUNDINGS}, got True",
    ),
    "a master of 16 bits": (
        {"master_weight_bits": 16},
        ValueError,
        "master_weight_bits: expected 32 or None, got 16",
    ),
    "a master that is true": (
        {"master_weight_bits": True},
        ValueError,
        "master_weight_bits: expected 32 or None, got True",
    ),
    "a master of 32.0": (
        {"master_weight_bits": 32.0},
        ValueError,
        "master_weight_bits: expected 32 or None, got 32.0",
    ),
    "a master that is rounded": (
        {"master_weight_bits": 32, "param_rounding": "nearest"},
        ValueError,
        (
            "param_rounding: expected None with master_weight_bits=32, as nothing of a parameter "
            "with its master is lost, got 'nearest'"
        ),
    ),
    "a seed below 0": (
        {"seed": -1},
        ValueError,
        "seed: expected an integer of at least 0, got -1",
    ),
    "a seed of 65 bits": (
        {"seed": 2**64},
        ValueError,
        "seed: expected an integer below 18446744073709551616, got 18446744073709551616",
    ),
    "a seed that is true": ({"seed": True}, TypeError, "seed: expected an integer, got True"),
    "a seed of 1.0": ({"seed": 1.0}, TypeError, "seed: expected an integer, got 1.0"),
    "no seed": ({"seed": None}, TypeError, "seed: expected an integer, got None"),
    "another name": (
        {"state_dtypes": BFLOAT16},
        TypeError,
        "Adam() has no argument 'state_dtypes' (did you mean 'state_dtype'?)",
    ),
}


@pytest.mark.parametrize(("options", "error", "message"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make("Adam", np.ones(3, BFLOAT16), **options)
    with pytest.raises(error, match=re.escape(message)):
        instep.Keyed(instep.Adam, **options)


FLOAT16_MASTER = (
    "master_weight_bits: expected no parameters of float16, whose bits are no part of a float32, "
    "got parameter {}; pass float32 parameters, and these as copies="
)


def test_float16_has_no_master() -> None:
    for params, label in (
        ({"w": np.ones(2), "half": np.ones(2, FLOAT16)}, "'half'"),
        ([np.ones(2, BFLOAT16), np.ones(2, FLOAT16)], "1"),
    ):
        with pytest.raises(ValueError, match=re.escape(FLOAT16_MASTER.format(label))):
            make("Adam", params, master_weight_bits=32)
    optimizer = make("Adam", [np.ones(2, BFLOAT16)], master_weight_bits=32)
    with pytest.raises(ValueError, match=re.escape(FLOAT16_MASTER.format("1"))):
        optimizer.add_param_group({"params": np.ones(2, FLOAT16)})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_a_difference_of_two_states_is_asked_for_by_their_names(half: np.dtype[Any]) -> None:
    w = np.ones(3, np.float32)
    match = f"state_dtype: expected a mapping with centered=True.*got {half.name}"
    with pytest.raises(ValueError, match=match):
        make("RMSprop", w, centered=True, state_dtype=half)
    optimizer = make("RMSprop", w, state_dtype=half)
    with pytest.raises(ValueError, match=match):
        optimizer.add_param_group({"params": np.ones(3), "centered": True})
    named = {"square_avg": half, "grad_avg": half}
    optimizer = make("RMSprop", w, centered=True, state_dtype=named)
    (states,) = optimizer.state_dict()["state"].values()
    assert states["square_avg"].dtype == states["grad_avg"].dtype == half
    make("RMSprop", w, centered=True, state_dtype=np.float32)


TAKEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a type": ({"state_dtype": np.float16}, {"state_dtype": FLOAT16}),
    "its name": ({"state_dtype": "bfloat16"}, {"state_dtype": BFLOAT16}),
    "its class": ({"state_dtype": BFLOAT16.type}, {"state_dtype": BFLOAT16}),
    "float32": ({"state_dtype": "float32"}, {"state_dtype": np.dtype(np.float32)}),
    "by name": (
        {"state_dtype": {"exp_avg": "float16", "exp_avg_sq": None}},
        {"state_dtype": {"exp_avg": FLOAT16, "exp_avg_sq": None}},
    ),
    "a word": ({"state_rounding": "nearest"}, {"state_rounding": "nearest"}),
    "words": (
        {"state_rounding": {"exp_avg": "nearest", "max_exp_avg_sq": "nearest"}},
        {"state_rounding": {"exp_avg": "nearest", "max_exp_avg_sq": "nearest"}},
    ),
    "a maximum, silently to nearest": (
        {"state_rounding": "stochastic", "amsgrad": True},
        {"state_rounding": "stochastic"},
    ),
    "parameters by chance": ({"param_rounding": "stochastic"}, {"param_rounding": "stochastic"}),
    "a master": ({"master_weight_bits": np.int64(32)}, {"master_weight_bits": 32}),
    "the largest seed": ({"seed": 2**64 - 1}, {"seed": 2**64 - 1}),
    "a seed of NumPy": ({"seed": np.uint64(2**63)}, {"seed": 2**63}),
}


@pytest.mark.parametrize(("options", "shown"), TAKEN.values(), ids=TAKEN)
def test_options_are_shown_as_they_are_obeyed(
    options: dict[str, Any], shown: dict[str, Any]
) -> None:
    optimizer = make("Adam", np.ones(3, BFLOAT16), **options)
    for each in (optimizer, copy.deepcopy(optimizer)):
        found = {name: getattr(each, name) for name in DEFAULTS}
        assert found == DEFAULTS | shown
        assert type(each.seed) is int


DEFAULTS: dict[str, Any] = {
    "state_dtype": None,
    "state_rounding": "stochastic",
    "param_rounding": None,
    "master_weight_bits": None,
    "seed": 0,
    "copies": (None,),
}


def test_what_is_shown_of_a_mapping_cannot_be_changed() -> None:
    given: dict[str, Any] = {"exp_avg": BFLOAT16}
    optimizer = make("Adam", np.ones(3), state_dtype=given, state_rounding={"exp_avg": "nearest"})
    given["exp_avg"] = FLOAT16
    for shown in (optimizer.state_dtype, optimizer.state_rounding):
        with pytest.raises(TypeError):
            shown["exp_avg"] = None
    assert optimizer.state_dtype == {"exp_avg": BFLOAT16}


@pytest.mark.parametrize("name", DEFAULTS)
def test_options_of_storage_cannot_be_set(name: str) -> None:
    optimizer = make("Adam", np.ones(3, BFLOAT16))
    with pytest.raises(AttributeError, match=name):
        setattr(optimizer, name, DEFAULTS[name])


def test_a_representation_tells_what_is_not_the_default() -> None:
    plain = repr(make("SGD", np.ones(3, BFLOAT16)))
    assert plain.splitlines()[0] == "SGD, 0 steps"
    optimizer = make("SGD", np.ones(3), state_dtype=BFLOAT16, state_rounding="nearest")
    first = repr(optimizer).splitlines()[0]
    assert first == "SGD, 0 steps, state_dtype=bfloat16, state_rounding=nearest"


def test_states_of_float64_stay() -> None:
    optimizer = make("Adam", [np.ones(3), np.ones(3, np.float32)], state_dtype=BFLOAT16)
    states = optimizer.state_dict()["state"]
    assert [states[k]["exp_avg"].dtype for k in (0, 1)] == [np.float64, BFLOAT16]
