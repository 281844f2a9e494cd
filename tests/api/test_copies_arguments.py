"""Arrays that are to get the parameters: what is taken, what is refused, and in which words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import assert_same, copied, make, params_of
from tests.api.narrow import FLOAT16
from tests.cases import Array


def f32(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def read_only() -> Array:
    array = np.zeros(4, FLOAT16)
    array.flags.writeable = False
    return array


W, V = f32(4), f32(4)
SHARED = np.zeros(8, FLOAT16)
SHARE = "share memory; expected separate arrays, pass a copy of one"

COPIES: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "float64": (
        W,
        np.zeros(4),
        TypeError,
        "copy: expected dtype float16, bfloat16 or float32, got",
    ),
    "integers": (W, np.zeros(4, int), TypeError, "copy: expected dtype float16, bfloat16 or float"),
    "the other byte order": (
        W,
        np.zeros(4, np.dtype(np.float32).newbyteorder()),
        TypeError,
        "copy: expected dtype float16, bfloat16 or float32, got >f4",
    ),
    "another shape": (W, f32(5), ValueError, "copy: expected shape (4,) as its parameter has, got"),
    "other axes": (W, f32(4, 1), ValueError, "copy: expected shape (4,) as its parameter has, got"),
    "read-only": (W, read_only(), ValueError, "copy: expected a writable array, got a read-only"),
    "its parameter": (W, W, ValueError, f"parameter and copy {SHARE}"),
    "half of its parameter": (W, W.view(FLOAT16)[::2], ValueError, f"parameter and copy {SHARE}"),
    "another's parameter": (
        [W, V],
        [V, None],
        ValueError,
        f"copy of parameter 0 and parameter 1 {SHARE}",
    ),
    "one for two": (
        {"w": W, "v": V},
        {"w": SHARED[:4], "v": SHARED[3:7]},
        ValueError,
        f"copy of parameter 'w' and copy of parameter 'v' {SHARE}",
    ),
    "itself": (
        W,
        np.lib.stride_tricks.as_strided(SHARED, (4,), (0,)),
        ValueError,
        "copy: expected an array without internal overlap",
    ),
    "masked": (W, np.ma.zeros(4, FLOAT16), TypeError, "copy: expected a plain numpy.ndarray"),
    "a list for an array": (W, [SHARED[:4]], TypeError, "copy: expected a numpy.ndarray, got list"),
    "an array for a list": (
        [W],
        SHARED[:4],
        TypeError,
        "copies: expected a sequence as the parameters have, got ndarray",
    ),
    "a list for a mapping": (
        {"w": W},
        [SHARED[:4]],
        TypeError,
        "copies: expected a mapping as the parameters have, got list",
    ),
    "a mapping for a list": ([W], {"w": SHARED[:4]}, KeyError, "copies: expected one (or None)"),
    "a number": ([W], 3, TypeError, "copies: expected a sequence as the parameters have, got int"),
    "numbers": ([W], [3], TypeError, "copy of parameter 0: expected a numpy.ndarray, got int"),
    "too many": ([W], [None, None], ValueError, "copies: expected 1, one (or None) for each"),
    "too few": ([W, V], [None], ValueError, "copies: expected 2, one (or None) for each parameter"),
    "another name": (
        {"w": W},
        {"v": None},
        KeyError,
        "copies: expected one (or None) for each parameter's name, ['w'], got ['v']",
    ),
    "a name missing": (
        {"w": W, "v": V},
        {"v": None},
        KeyError,
        "copies: expected one (or None) for each parameter's name, ['w', 'v'], got ['v']",
    ),
}


@pytest.mark.parametrize(("params", "copies", "error", "message"), COPIES.values(), ids=COPIES)
def test_copies_that_are_refused(
    params: Any, copies: Any, error: type[Exception], message: str
) -> None:
    before = copied([W, V, SHARED])
    with pytest.raises(error, match=re.escape(message)):
        make("Adam", params, copies=copies)
    assert_same([W, V, SHARED], before)


@pytest.mark.parametrize(
    ("params", "copies", "error", "message"),
    [
        (f32(4), np.zeros(4), TypeError, "copy of parameter 1: expected dtype float16"),
        ({"v": f32(4)}, [None], TypeError, "copies: expected a mapping"),
        ([f32(4)], SHARED[:4], TypeError, "copies: expected a sequence"),
        (f32(4), W, ValueError, f"parameter 0 and copy of parameter 1 {SHARE}"),
        (f32(4), SHARED[:4], ValueError, f"copy of parameter 0 and copy of parameter 1 {SHARE}"),
    ],
)
def test_copies_of_a_group_that_are_refused(
    params: Any, copies: Any, error: type[Exception], message: str
) -> None:
    optimizer = make("Adam", [W], copies=[SHARED[:4]])
    before = repr(optimizer)
    with pytest.raises(error, match=re.escape(message)):
        optimizer.add_param_group({"params": params}, copies=copies)
    assert (repr(optimizer), len(optimizer.copies)) == (before, 1)


def test_copies_that_another_librarys_arrays_are() -> None:
    torch: Any = pytest.importorskip("torch")
    tensors = [torch.zeros(4), torch.zeros(4, dtype=torch.bfloat16)]
    optimizer = make("SGD", [f32(4), f32(4)], lr=0.5, copies=tensors)
    optimizer.step([f32(4), f32(4)])
    assert [each.tolist() for each in tensors] == [[0.5] * 4] * 2
    with pytest.raises(TypeError, match=r"copy: .*\.detach\(\)"):
        make("SGD", f32(4), copies=torch.zeros(4, requires_grad=True))


def test_a_gradient_that_shares_a_copys_memory_is_refused() -> None:
    w, room = f32(4), np.zeros(8, np.float32)
    optimizer = make("SGD", w, copies=room[:4])
    with pytest.raises(ValueError, match=f"copy and gradient {SHARE}"):
        optimizer.step(room[3:7])
    with pytest.raises(ValueError, match=f"copy and gradient {SHARE}"):
        optimizer.step(instep.RowGradient(np.array([0]), room[3:4]))
    assert_same([w, room], [f32(4), np.zeros(8, np.float32)])
    optimizer.step(room[4:])


RESIZED: dict[str, Callable[[Any], object]] = {
    "step": lambda it: it.step(f32(2, 3)),
    "rebind": lambda it: it.rebind(f32(2, 3)),
    "load": lambda it: it._load(it.state_dict(), [f32(2, 3)]),
}


@pytest.mark.parametrize("call", RESIZED.values(), ids=RESIZED)
def test_a_copy_whose_memory_has_changed_is_refused(call: Callable[[Any], object]) -> None:
    w, resized = f32(2, 3), np.zeros((2, 3), FLOAT16)
    optimizer = make("Adam", w, copies=resized)
    optimizer.step(f32(2, 3))
    resized.resize(4, refcheck=False)
    before = [copied([w, resized]), optimizer.state_dict()]
    with pytest.raises(ValueError, match=r"copy: expected (the memory|shape)"):
        call(optimizer)
    assert_same([[w, resized], optimizer.state_dict()], before)
    optimizer.step(None)  # nothing is written


def test_errors_leave_an_optimizers_parameters_alone() -> None:
    """What a group's refusal must not change: copies of those that were there."""
    w, its_copy = f32(3), np.full(3, 9.0, FLOAT16)
    optimizer = make("Adam", [w], copies=[its_copy], nonfinite="raise")
    with pytest.raises(FloatingPointError):
        optimizer.step([np.full(3, np.nan, np.float32)])
    assert (its_copy == 9.0).all()
    assert_same(params_of(optimizer), [f32(3)])
