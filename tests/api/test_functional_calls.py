"""Calls of step functions: names, values, arrays in one piece or not, and what the callable is."""

from __future__ import annotations

import collections
import copy
import inspect
import itertools
import pickle
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from instep import functional, reference
from tests.api.model import assert_same, copied
from tests.cases import FEW_CASES, Array, Case, arrays_and_options, new_scalars
from tests.compare import assert_same_bits

STATES = {
    "sgd_step": 0,
    "adam_step": 2,
    "rmsprop_step": 1,
    "adagrad_step": 1,
    "adadelta_step": 2,
}
NUMBERS: dict[str, Any] = {"lr": 0.5, "step": 1}

CALLS: dict[str, tuple[dict[str, Any], set[str], str]] = {
    "a required one missing": ({}, {"grad"}, "grad"),
    "an option under another name": ({"learning_rate": 0.5}, {"lr"}, "learning_rate"),
    "one that there is not": ({"rate": 0.5}, set(), "rate"),
    "an array under another name": ({"gradient": np.ones(3)}, {"grad"}, "grad"),
    "one twice": ({"param": np.ones(3)}, set(), "param"),
}


@pytest.mark.parametrize(("extra", "missing", "match"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("module", [functional, reference], ids=lambda module: module.__name__)
@pytest.mark.parametrize("name", STATES)
def test_names(
    name: str, module: Any, extra: dict[str, Any], missing: set[str], match: str
) -> None:
    function = getattr(module, name)
    param, *states = (np.ones(3) for _ in range(1 + STATES[name]))
    given = {"grad": np.ones(3), **NUMBERS, **extra}
    given = {key: value for key, value in given.items() if key not in missing}
    names = list(inspect.signature(function).parameters)[2 : 2 + len(states)]
    with pytest.raises(TypeError, match=match):
        function(param, **dict(zip(names, states, strict=True)), **given)
    for array in (param, *states):
        assert array.tolist() == [1.0] * 3


@pytest.mark.parametrize("name", STATES)
def test_options_are_not_taken_by_position(name: str) -> None:
    arrays, _ = arrays_and_options(name.removesuffix("_step"))
    with pytest.raises(TypeError, match="positional"):
        getattr(functional, name)(*([np.ones(3)] * len(arrays)), 0.5)


@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_any_order_of_names(case: Case) -> None:
    rule = case.rule
    function = getattr(functional, f"{rule}_step")
    found = []
    for by_position, backwards in itertools.product((0, 1, 2), (False, True)):
        arrays = case.random_arrays(5, np.dtype(np.float32))
        arrays |= new_scalars(rule, arrays["param"])
        args = [arrays[name] for name in ("param", "grad")[:by_position]]
        named = {**dict(itertools.islice(arrays.items(), by_position, None)), **case.options}
        items = list({**named, "step": 3}.items())
        # Names that are equal to those of the signature, but no objects of its own.
        items = [("".join(list(key)), value) for key, value in items]
        function(*args, **dict(items[::-1] if backwards else items))
        found.append(arrays)
    for other in found[1:]:
        assert_same(list(found[0].values()), list(other.values()))


class Number(float):
    """A float of another class."""


VALUES: dict[str, tuple[Any, Any]] = {
    "an int": (1, 1.0),
    "a scalar of NumPy": (np.float64(0.25), 0.25),
    "a short scalar": (np.float32(0.25), 0.25),
    "an integer scalar": (np.int64(2), 2.0),
    "an array without dimensions": (np.array(0.25), 0.25),
    "of a subclass": (Number(0.25), 0.25),
    "infinity": (float("inf"), float("inf")),
    "zero": (-0.0, 0.0),
}


@pytest.mark.parametrize(("given", "same"), VALUES.values(), ids=VALUES)
def test_numbers_of_other_types(given: Any, same: float) -> None:
    one, other = np.array([1.0, 2.0]), np.array([1.0, 2.0])
    functional.sgd_step(one, np.array([3.0, -5.0]), step=1, lr=given, maximize=np.True_)  # type: ignore[arg-type]
    functional.sgd_step(other, np.array([3.0, -5.0]), step=1, lr=same, maximize=True)
    assert_same([one], [other])


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "True": ({"lr": True}, TypeError, "lr: expected a number, got True"),
    "text": ({"lr": "1"}, TypeError, "lr: expected a number, got '1'"),
    "None": ({"lr": None}, TypeError, "lr: expected a number, got None"),
    "negative": ({"lr": -0.5}, ValueError, "lr: expected a number of at least 0, got -0.5"),
    "a negative int": ({"lr": -1}, ValueError, "lr: expected a number of at least 0, got -1"),
    "NaN": ({"lr": float("nan")}, ValueError, "lr: expected a number of at least 0, got nan"),
    "beyond all floats": ({"lr": -(10**400)}, ValueError, "lr: expected a number of at least 0"),
    "the end of a range": (
        {"beta1": 1.0},
        ValueError,
        r"beta1: expected a number in \[0, 1\)",
    ),
    "a number for a flag": ({"maximize": 1}, TypeError, "maximize: expected True or False, got 1"),
    "step 0": ({"step": 0}, ValueError, "step: expected an integer of at least 1, got 0"),
    "no whole step": ({"step": 1.0}, TypeError, "step: expected an integer, got 1.0"),
    "step True": ({"step": True}, TypeError, "step: expected an integer, got True"),
    "a step past 64 bits": ({"step": 2**63}, ValueError, "step: expected an integer below"),
    "the guard's count": ({"nonfinite": "skip"}, ValueError, "only an optimizer does"),
    "a scale of 0": ({"grad_scale": 0.0}, ValueError, "grad_scale: expected a finite number above"),
}


@pytest.mark.parametrize(("wrong", "error", "match"), REFUSED.values(), ids=REFUSED)
def test_values_that_are_refused(wrong: dict[str, Any], error: type[Exception], match: str) -> None:
    arrays = [np.ones(3) for _ in range(4)]
    with pytest.raises(error, match=match):
        functional.adam_step(*arrays, **{"step": 1, **wrong})
    assert_same(arrays, [np.ones(3)] * 4)


def test_options_that_do_not_go_together_are_refused_each_time() -> None:
    w, g, b = (np.ones(3) for _ in range(3))
    good: dict[str, Any] = {"step": 1, "momentum": 0.5, "nesterov": True}
    for momentum in (0.0, 0.5, 0.0, 0.0, 0.5, 0.25):
        before = copied([w, b])
        if momentum == 0:
            with pytest.raises(ValueError, match=r"nesterov: .*momentum=0\.0, dampening=0\.0"):
                functional.sgd_step(w, g, b, **{**good, "momentum": momentum})
            assert_same([w, b], before)
        else:
            functional.sgd_step(w, g, b, **{**good, "momentum": momentum})
    with pytest.raises(ValueError, match="momentum: expected momentum_buffer to be passed with it"):
        functional.sgd_step(w, g, step=1, momentum=0.5)


class Special(np.ndarray[Any, Any]):
    """An ndarray of another class."""


def special(array: Array) -> Array:
    return array.copy().view(Special)


def every_second(array: Array) -> Array:
    return np.repeat(array, 2, axis=-1)[..., ::2]


def shifted(array: Array) -> Array:
    place = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    place[...] = array
    return place


def with_metadata(array: Array) -> Array:
    return array.astype(np.dtype(array.dtype, metadata={"unit": "m"}))


WAYS: dict[str, Callable[[Array], Array]] = {
    "as they are": np.copy,
    "in Fortran order": lambda array: np.copy(array, order="F"),
    "backwards": lambda array: np.copy(array[::-1])[::-1],
    "every second element": every_second,
    "not aligned": shifted,
    "of a subclass": special,
    "of a dtype of their own": with_metadata,
}


CONTAINERS: tuple[Callable[[list[Array]], Any], ...] = (list, tuple, collections.UserList)


@pytest.mark.parametrize(("many", "shape"), [(0, (3, 4)), (1, (3, 4)), (30, (3, 4)), (2, (40, 50))])
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_the_bits_do_not_depend_on_how_arrays_come(
    case: Case, many: int, shape: tuple[int, ...]
) -> None:
    seeds = range(max(many, 1))
    plain = [
        case.random_arrays(shape, np.dtype((np.float32, np.float64)[seed % 2]), seed)
        for seed in seeds
    ]
    names = list(plain[0])
    expected = copy.deepcopy(plain)
    for each in expected:
        case.step(reference, each, number=3)
    for (which, way), container in itertools.product(WAYS.items(), CONTAINERS):
        # All arrays in this way, then each of them alone among others.
        for chosen in [set(names), *({name} for name in names)]:
            given = [
                {name: (way if name in chosen else np.copy)(each[name]) for name in names}
                for each in plain
            ]
            if many == 0:
                case.step(functional, given[0], number=3)
            else:
                columns = {name: container([each[name] for each in given]) for name in names}
                case.step(functional, columns, number=3)
            for got, wanted in zip(given, expected, strict=True):
                for name in names:
                    assert_same_bits(np.array(got[name]), wanted[name], which)


def test_equal_gradients_may_be_one_array() -> None:
    params, grad = [np.ones(3), np.zeros(3)], np.full(3, 2.0)
    functional.sgd_step(params, [grad, grad], step=1, lr=0.5)
    assert_same(params, [np.zeros(3), np.full(3, -1.0)])


SHARED: dict[str, Callable[[list[list[Array]]], None]] = {
    "one parameter twice": lambda rows: rows[0].__setitem__(29, rows[0][3]),
    "a parameter as a gradient": lambda rows: rows[1].__setitem__(17, rows[0][3]),
    "a state as a parameter's": lambda rows: rows[2].__setitem__(29, rows[0][0]),
    "two states": lambda rows: rows[3].__setitem__(5, rows[2][5]),
    "the end of one, the start of another": lambda rows: (
        rows[0].__setitem__(8, (both := np.zeros(7))[:4]),
        rows[1].__setitem__(21, both[3:]),
    )[0],
    "a read-only one at the end": lambda rows: rows[3][29].setflags(write=False),
    "another shape at the end": lambda rows: rows[1].__setitem__(29, np.ones(5)),
    "another dtype at the end": lambda rows: rows[1].__setitem__(29, np.ones(4, np.int64)),
}


@pytest.mark.parametrize("spoil", SHARED.values(), ids=SHARED)
def test_one_of_many_arrays_that_is_refused_leaves_all_as_they_were(
    spoil: Callable[[list[list[Array]]], None],
) -> None:
    rows = [[np.ones(4) for _ in range(30)] for _ in range(4)]
    spoil(rows)
    before = [copied(row) for row in rows]
    with pytest.raises((TypeError, ValueError)):
        functional.adam_step(*rows, step=1)
    for row, old in zip(rows, before, strict=True):
        assert_same(row, old)


def test_a_call_keeps_nothing() -> None:
    arrays = [np.ones(4) for _ in range(4)]
    rate, step = float("0.125"), int("1234567")
    held = [*arrays, rate, step]
    before = [sys.getrefcount(each) for each in held]
    for _ in range(3):
        functional.adam_step(*arrays, step=step, lr=rate)
        functional.adam_step(*([each] for each in arrays), step=step, lr=rate, grad_scale=rate)
        with pytest.raises(TypeError, match="missing"):
            functional.adam_step(*arrays, lr=rate)  # type: ignore[call-arg]
    assert [sys.getrefcount(each) for each in held] == before


@pytest.mark.parametrize("name", STATES)
def test_it_is_a_function_to_python(name: str) -> None:
    function, described = getattr(functional, name), getattr(reference, name)
    assert (function.__name__, function.__qualname__, function.__module__) == (
        name,
        name,
        "instep.functional",
    )
    assert function.__doc__ == described.__doc__
    assert function.__wrapped__ is described
    assert inspect.signature(function) == inspect.signature(described)
    assert inspect.isroutine(function)
    assert repr(function) == f"<step function {name}>"
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.copy(function) is copy.deepcopy(function) is function
    assert weakref.ref(function)() is function
    method = type("Class", (), {"step": function})().step
    assert (method.__func__, method.__name__) == (function, name)
