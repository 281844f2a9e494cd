"""What may be passed and what is refused, with what message; a refused call changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import instep
from tests.api.model import (
    Model,
    alone,
    assert_same,
    copied,
    each_class,
    make,
    named,
    random_arrays,
    refused,
)
from tests.api.odd_arrays import (
    Weights,
    f32,
    masked,
    misaligned,
    overlapping_itself,
    read_only,
    two_views,
    writeable_broadcast,
)
from tests.cases import Array

# Everything below: what is passed, the exception's type, a regular expression of its message.
NO_PARAMETERS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "None": (lambda: None, TypeError, "None"),
    "a number": (lambda: 0.1, TypeError, "got float; pass the arrays to step first, then lr=0.1$"),
    "a NumPy scalar": (lambda: np.float32(1.0), TypeError, "float32"),
    "text": (lambda: "weights", TypeError, "str"),
    "a list of numbers": (lambda: [1.0, 2.0], TypeError, "parameter 0.*ndarray.*float"),
    "a list with a list": (lambda: [f32(2), [1.0]], TypeError, "parameter 1.*ndarray.*list"),
    "a list with None": (lambda: [f32(2), None], TypeError, "parameter 1.*ndarray.*None"),
    "a list and a group": (lambda: [f32(2), {"params": [f32(2)]}], TypeError, "1.*dict"),
    "a group and an array": (lambda: [{"params": [f32(2)]}, f32(2)], TypeError, "0.*ndarray.*dict"),
    "a mapping to lists": (lambda: {"w": [1.0]}, TypeError, "'w'.*ndarray.*list"),
    "a mapping with numbers as names": (
        lambda: {0: f32(2)},
        TypeError,
        "names: expected strings, got 0; pass '0' as its name, or a list of the arrays",
    ),
    "an empty list": (list, ValueError, "at least one"),
    "an empty mapping": (dict, ValueError, "at least one"),
    "an empty group": (lambda: [{"params": []}], ValueError, "at least one"),
    "an empty group after another": (
        lambda: [{"params": [f32(2)]}, {"params": {}}],
        ValueError,
        "at least one",
    ),
    "a group without parameters": (lambda: [{"lr": 0.5}], KeyError, "params"),
    "a group with an unknown option": (
        lambda: [{"params": [f32(2)], "colour": 1}],
        KeyError,
        "colour",
    ),
    "a group with an option out of range": (
        lambda: [{"params": [f32(2)], "lr": -1.0}],
        ValueError,
        "lr.*-1",
    ),
    "the same name twice": (
        lambda: [{"params": {"w": f32(2)}}, {"params": {"w": f32(2)}}],
        ValueError,
        "'w'",
    ),
    "a masked array": (lambda: masked(2), TypeError, "masked"),
    "a masked array in a list": (lambda: [f32(2), masked(2)], TypeError, "parameter 1.*masked"),
    "int64": (lambda: np.ones(2, np.int64), TypeError, "float32.*float64.*int64"),
    "bool": (lambda: np.ones(2, bool), TypeError, "float32.*float64.*bool"),
    "longdouble": (lambda: np.ones(2, np.longdouble), TypeError, "float32.*float64.*"),
    "complex64": (lambda: np.ones(2, np.complex64), TypeError, "float32.*float64.*complex64"),
    "object": (lambda: np.ones(2, object), TypeError, "float32.*float64.*object"),
    "records": (lambda: np.ones(2, [("x", "f4")]), TypeError, "float32.*float64.*x"),
    "byte-swapped": (
        lambda: np.ones(2, np.dtype(np.float32).newbyteorder()),
        TypeError,
        "byte order",
    ),
    "read-only": (lambda: read_only(f32(2)), ValueError, "read-only"),
    "read-only in a mapping": (
        lambda: {"w": f32(2), "b": read_only(f32(2))},
        ValueError,
        "'b'.*read-only",
    ),
    "overlapping itself": (
        lambda: [f32(2), overlapping_itself()],
        ValueError,
        "1.*internal overlap",
    ),
    "interlocked strides": (
        lambda: [f32(2), as_strided(f32(15), (3, 2), (16, 24))],
        ValueError,
        "1.*internal overlap",
    ),
    "broadcast": (lambda: [f32(2), writeable_broadcast()], ValueError, "1.*internal overlap"),
    "the same array twice": (lambda: [f32(2)] * 2, ValueError, "0.*1.*share memory"),
    "the same array in two groups": (
        lambda: [{"params": array} for array in [f32(2)] * 2],
        ValueError,
        "0.*1.*share memory",
    ),
    "the same array under two names": (
        lambda: dict.fromkeys(["w", "b"], f32(2)),
        ValueError,
        "'w'.*'b'.*share memory",
    ),
    "views that overlap": (
        lambda: two_views(slice(5), slice(4, None)),
        ValueError,
        "0.*1.*share memory",
    ),
    "strided views that overlap": (
        lambda: two_views(slice(0, None, 2), slice(0, None, 3)),
        ValueError,
        "0.*1.*share memory",
    ),
    "an array and its reverse": (
        lambda: two_views(slice(None), slice(None, None, -1)),
        ValueError,
        "0.*1.*share memory",
    ),
}


@pytest.mark.parametrize(
    ("params", "error", "match"), NO_PARAMETERS.values(), ids=list(NO_PARAMETERS)
)
def test_parameters_that_are_refused(
    params: Callable[[], Any], error: type[Exception], match: str
) -> None:
    given = params()
    with pytest.raises(error, match=match):
        make("Adam", given)


@each_class
def test_every_class_refuses_positional_options_and_unknown_ones(name: str) -> None:
    with pytest.raises(TypeError, match="colour"):
        make(name, f32(2), colour=1)
    for options in ({}, {"lr": 0.1}):
        with pytest.raises(TypeError) as refusal:
            getattr(instep, name)(**options)
        advice = f"pass the arrays to step first, {name}(params, ...)"
        assert str(refusal.value) == f"{name}() misses the argument params: {advice}"
    with pytest.raises(TypeError, match="positional"):
        getattr(instep, name)(f32(2), *range(20))


PARAMETERS: dict[str, Callable[[], list[Array]]] = {
    "C": lambda: [np.zeros((3, 4))],
    "Fortran": lambda: [np.zeros((3, 4), order="F")],
    "transposed": lambda: [np.zeros((3, 4, 5)).transpose(1, 2, 0)],
    "sliced": lambda: [np.zeros((6, 8))[::2, 1::3]],
    "reversed": lambda: [np.zeros((3, 4))[::-1, ::-1]],
    "0-d": lambda: [np.zeros(())],
    "empty": lambda: [np.zeros((3, 0)), np.zeros(0)],
    "misaligned": lambda: [misaligned()],
    "a subclass": lambda: [np.zeros(3).view(Weights)],
    "a matrix's base": lambda: [np.zeros((2, 2)).view(np.recarray)],
    "interleaved views": lambda: two_views(slice(0, None, 2), slice(1, None, 2)),
    "interleaved columns": lambda: list(np.zeros((4, 3)).T),
    "neighbours": lambda: two_views(slice(4), slice(4, None)),
    "an unusual but sound stride": lambda: [as_strided(np.zeros(12), (3, 2), (8, 48))],
}


@pytest.mark.parametrize("params", PARAMETERS.values(), ids=list(PARAMETERS))
def test_parameters_that_are_accepted(params: Callable[[], list[Array]]) -> None:
    arrays = params()
    model = Model("Adam", arrays)
    optimizer = instep.Adam(arrays)
    for seed in range(3):
        grads = random_arrays(arrays, seed)
        optimizer.step(grads)
        model.step(grads)
    model.assert_equals(optimizer)
    assert_same(arrays, model.params)


def test_a_memmap_is_accepted(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "weights", np.float32, "w+", shape=(5,))
    instep.SGD(mapped, lr=1.0).step(f32(5))
    mapped.flush()
    assert np.fromfile(tmp_path / "weights", np.float32).tolist() == [-1.0] * 5


# The optimizer's parameters: "w" of shape (3, 4), "b" of shape (4,), both float32.
NO_GRADIENTS: dict[str, tuple[Callable[..., Any], type[Exception], str]] = {
    "None": (lambda **_: None, TypeError, "None"),
    "an array for a list": (lambda **_: f32(2, 4), TypeError, "sequence.*ndarray"),
    "a mapping for a list": (
        lambda **_: {"w": f32(3, 4), "b": f32(4)},
        TypeError,
        "sequence.*dict",
    ),
    "too few": (lambda **_: [f32(3, 4)], ValueError, "2.*1"),
    "too many": (lambda **_: [f32(3, 4), f32(4), f32(4)], ValueError, "2.*3"),
    "none at all": (lambda **_: [], ValueError, "2.*0"),
    "a list": (lambda **_: [f32(3, 4), [1.0] * 4], TypeError, "1.*ndarray.*list"),
    "a number": (lambda **_: [1.0, f32(4)], TypeError, "0.*ndarray.*float"),
    "a masked array": (lambda **_: [f32(3, 4), masked(4)], TypeError, "1.*masked"),
    "float64": (lambda **_: [f32(3, 4), np.ones(4)], TypeError, "1.*float32.*float64"),
    "float16 in the other byte order": (
        lambda **_: [f32(3, 4), np.ones(4, np.dtype(np.float16).newbyteorder())],
        TypeError,
        "1.*float32",
    ),
    "int32": (lambda **_: [f32(3, 4), np.ones(4, np.int32)], TypeError, "1.*float32.*int32"),
    "uint32": (lambda **_: [f32(3, 4), np.ones(4, np.uint32)], TypeError, "1.*float32.*uint32"),
    "longdouble": (lambda **_: [f32(3, 4), np.ones(4, np.longdouble)], TypeError, "1.*float32"),
    "complex64": (
        lambda **_: [f32(3, 4), np.ones(4, np.complex64)],
        TypeError,
        "1.*float32.*complex64",
    ),
    "byte-swapped": (
        lambda **_: [f32(3, 4), np.ones(4, np.dtype(np.float32).newbyteorder())],
        TypeError,
        "1.*byte order",
    ),
    "one more element": (lambda **_: [f32(3, 4), f32(5)], ValueError, r"1.*\(4,\).*\(5,\)"),
    "transposed": (lambda **_: [f32(4, 3), f32(4)], ValueError, r"0.*\(3, 4\).*\(4, 3\)"),
    "flattened": (lambda **_: [f32(12), f32(4)], ValueError, r"0.*\(3, 4\).*\(12,\)"),
    "one element": (lambda **_: [f32(3, 4), f32(1)], ValueError, r"1.*\(4,\).*\(1,\)"),
    "0-d": (lambda **_: [f32(3, 4), f32()], ValueError, r"1.*\(4,\).*\(\)"),
    "a leading axis of one": (lambda **_: [f32(3, 4), f32(1, 4)], ValueError, r"1.*\(1, 4\)"),
    "a row": (lambda **_: [f32(1, 4), f32(4)], ValueError, r"0.*\(3, 4\).*\(1, 4\)"),
    "empty": (lambda **_: [f32(3, 4), f32(0)], ValueError, r"1.*\(4,\).*\(0,\)"),
    "its own parameter": (lambda w, **_: [w, f32(4)], ValueError, "0.*share memory"),
    "a view of its parameter": (lambda w, **_: [w[:, :], f32(4)], ValueError, "0.*share memory"),
    "a reversed view of its parameter": (
        lambda b, **_: [f32(3, 4), b[::-1]],
        ValueError,
        "1.*share memory",
    ),
    "another parameter": (lambda w, **_: [f32(3, 4), w[0]], ValueError, "1.*share memory"),
    "a view of another parameter": (
        lambda b, **_: [np.broadcast_to(b, (3, 4)), f32(4)],
        ValueError,
        "0.*share memory",
    ),
    "the second wrong, the first right": (
        lambda **_: [f32(3, 4), np.full(4, np.nan)],
        TypeError,
        "1.*float32.*float64",
    ),
}


def two_parameters() -> tuple[Array, Array]:
    w, b = random_arrays([f32(3, 4), f32(4)], seed=3)
    return w, b


@pytest.mark.parametrize(("grads", "error", "match"), NO_GRADIENTS.values(), ids=list(NO_GRADIENTS))
def test_gradients_that_are_refused(
    grads: Callable[..., Any], error: type[Exception], match: str
) -> None:
    w, b = two_parameters()
    optimizer = instep.Adam([w, b])
    optimizer.step([f32(3, 4), f32(4)])
    given = grads(w=w, b=b)
    arrays = [grad for grad in given if isinstance(grad, np.ndarray)] if type(given) is list else []
    with refused(error, match, optimizer, *arrays):
        optimizer.step(given)


@pytest.mark.parametrize("fault", ["dtype", "shape", "list"])
def test_a_refused_step_writes_to_no_parameter_before_the_wrong_one(fault: str) -> None:
    params = [f32(2) for _ in range(20)]
    optimizer = instep.Adam(params)
    grads: list[Any] = [f32(2) for _ in range(20)]
    grads[-1] = {"dtype": np.ones(2), "shape": f32(3), "list": [1.0, 1.0]}[fault]
    with refused((TypeError, ValueError), "19", optimizer):
        optimizer.step(grads)


@pytest.mark.parametrize(
    ("grads", "error", "match"),
    [
        (lambda **_: [f32(3, 4), f32(4)], TypeError, "mapping.*list"),
        (lambda **_: f32(4), TypeError, "mapping.*ndarray"),
        (lambda **_: {}, KeyError, "missing.*w.*b"),
        (lambda **_: {"w": f32(3, 4)}, KeyError, "missing.*b"),
        (lambda **_: {"w": f32(3, 4), "B": f32(4)}, KeyError, "missing.*b.*unexpected.*B"),
        (lambda **_: {"w": f32(3, 4), "b": f32(4), "c": f32(1)}, KeyError, "unexpected.*c"),
        (lambda **_: {"w": f32(3, 4), "b": [1.0]}, TypeError, "'b'.*ndarray.*list"),
        (lambda **_: {"b": f32(5), "w": f32(3, 4)}, ValueError, r"'b'.*\(4,\).*\(5,\)"),
        (lambda **_: {"b": np.ones(4), "w": f32(3, 4)}, TypeError, "'b'.*float64"),
        (lambda w, **_: {"b": f32(4), "w": w}, ValueError, "'w'.*share memory"),
    ],
)
def test_gradients_that_a_mapping_refuses(
    grads: Callable[..., Any], error: type[Exception], match: str
) -> None:
    w, b = two_parameters()
    optimizer = instep.Adam({"w": w, "b": b})
    optimizer.step({"w": f32(3, 4), "b": f32(4)})
    with refused(error, match, optimizer, structure=named("wb")):
        optimizer.step(grads(w=w, b=b))


@pytest.mark.parametrize(
    ("grad", "error", "match"),
    [
        (lambda _: [f32(4)], TypeError, "ndarray.*list"),
        (lambda _: {"w": f32(4)}, TypeError, "ndarray.*dict"),
        (lambda _: 1.0, TypeError, "ndarray.*float"),
        (lambda _: f32(3), ValueError, r"\(4,\).*\(3,\)"),
        (lambda _: np.ones(4), TypeError, "float32.*float64"),
        (lambda w: w, ValueError, "share memory"),
    ],
)
def test_gradients_that_a_single_array_refuses(
    grad: Callable[[Array], Any], error: type[Exception], match: str
) -> None:
    w = f32(4)
    optimizer = instep.Adam(w)
    optimizer.step(f32(4))
    with refused(error, match, optimizer, structure=alone):
        optimizer.step(grad(w))


def rows(array: Array) -> list[Array]:
    return [array[:3], array[3]]


GRADIENTS: dict[str, Callable[[], list[Array]]] = {
    "read-only": lambda: [read_only(f32(3, 4)), read_only(f32(4))],
    "broadcast": lambda: [np.broadcast_to(np.float32(0.5), (3, 4)), np.broadcast_to(f32(1), (4,))],
    "overlapping itself": lambda: [overlapping_itself(), f32(4)],
    "the same memory twice": lambda: [as_strided(f32(4), (3, 4), (0, 4)), f32(4)],
    "views of one array": lambda: rows(f32(4, 4)),
    "reversed": lambda: [f32(3, 4)[::-1, ::-1], f32(4)[::-1]],
    "Fortran": lambda: [np.asfortranarray(f32(3, 4)), f32(4)],
    "a subclass": lambda: [f32(3, 4).view(Weights), f32(4).view(np.memmap)],
    "not finite": lambda: [np.full((3, 4), np.nan, np.float32), np.full(4, np.inf, np.float32)],
}


@pytest.mark.parametrize("grads", GRADIENTS.values(), ids=list(GRADIENTS))
def test_gradients_that_are_accepted(grads: Callable[[], list[Array]]) -> None:
    params = list(two_parameters())
    model = Model("Adam", params)
    optimizer = instep.Adam(params)
    given = grads()
    before = copied(given)
    for _ in range(3):
        optimizer.step(given)
        model.step(given)
    model.assert_equals(optimizer)
    assert_same(given, before)


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.5, "nonfinite": "raise"}])
@pytest.mark.parametrize("structure", [alone, list, named("w")])
def test_a_scalar_is_the_gradient_of_a_parameter_without_axes(
    structure: Callable[[Any], Any], options: dict[str, Any]
) -> None:
    w, twin = np.array(3.0), np.array(3.0)
    optimizer = instep.Adam(structure([w]), lr=0.5, **options)
    expected = instep.Adam(twin, lr=0.5, **options)
    for _ in range(3):
        scalar: Any = 2 * (w - 1)
        assert isinstance(scalar, np.float64)
        optimizer.step(structure([scalar]))
        expected.step(np.array(2 * (twin - 1)))
    assert_same([w], [twin])
    assert optimizer.last_grad_norm == expected.last_grad_norm


SCALARS: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "another dtype": (f32(), np.float64(1.0), TypeError, "expected dtype float32 .* got float64"),
    "an integer": (
        f32(),
        np.int32(1),
        TypeError,
        "expected dtype float16, bfloat16, float32 or float64, got int32",
    ),
    "for a vector": (f32(2), np.float32(1.0), ValueError, r"expected shape \(2,\).*got \(\)"),
    "not NumPy's": (f32(), 1.0, TypeError, "expected a numpy.ndarray, got float"),
}


@pytest.mark.parametrize(("w", "grad", "error", "match"), SCALARS.values(), ids=list(SCALARS))
def test_scalars_that_are_refused(w: Any, grad: Any, error: Any, match: str) -> None:
    optimizer = instep.Adam(w)
    with refused(error, match, optimizer, structure=alone):
        optimizer.step(grad)


def test_a_gradient_between_the_elements_of_its_parameter_is_accepted() -> None:
    memory = np.zeros(8, np.float32)
    param, grad = memory[::2], memory[1::2]
    grad[...] = 1.0
    optimizer = instep.SGD(param, lr=1.0)
    optimizer.step(grad)
    assert memory.tolist() == [-1.0, 1.0] * 4


# What is passed next in the place of a gradient that was passed before: the same memory.
LOOKALIKES: dict[str, tuple[Callable[[Array], Any], type[Exception], str]] = {
    "masked": (lambda grad: grad.view(np.ma.MaskedArray), TypeError, "1.*masked"),
    "int32": (lambda grad: grad.view(np.int32), TypeError, "1.*int32"),
    "byte-swapped": (
        lambda grad: grad.view(grad.dtype.newbyteorder()),
        TypeError,
        "1.*byte order",
    ),
    "wider": (lambda grad: grad.view(np.float64), TypeError, "1.*float64"),
    "reshaped": (lambda grad: grad.reshape(2, 2), ValueError, "1.*shape"),
    "shorter": (lambda grad: grad[:3], ValueError, "1.*shape"),
    "a list": (lambda grad: grad.tolist(), TypeError, "1.*list"),
}


@pytest.mark.parametrize(("lookalike", "error", "match"), LOOKALIKES.values(), ids=list(LOOKALIKES))
def test_a_gradient_is_checked_again_when_it_is_another(
    lookalike: Callable[[Array], Any], error: type[Exception], match: str
) -> None:
    optimizer = instep.Adam(list(two_parameters()))
    w_grad, b_grad = f32(3, 4), f32(4)[...]  # a view, so that views of it have the same flags
    for _ in range(3):
        optimizer.step([w_grad, b_grad])
    with refused(error, match, optimizer, w_grad, b_grad):
        optimizer.step([w_grad, lookalike(b_grad)])


def test_a_parameter_made_read_only_after_construction_is_not_written() -> None:
    w = f32(4)
    optimizer = instep.SGD(w)
    w.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        optimizer.step(f32(4))
    assert w.tolist() == [1.0] * 4


def test_a_parameter_moved_after_construction_is_not_written() -> None:
    w = f32(4)
    optimizer = instep.SGD([f32(2), w])
    w.resize((6,), refcheck=False)
    with pytest.raises(ValueError, match=r"parameter 1.*changed"):
        optimizer.step([f32(2), f32(4)])
    assert w.tolist() == [1.0] * 4 + [0.0] * 2


def test_the_machines_byte_order_may_be_spelled_out() -> None:
    spelled = np.dtype(np.float32).newbyteorder("<" if sys.byteorder == "little" else ">")
    param = np.ones(3, spelled)
    instep.SGD(param, lr=0.5).step(np.ones(3, spelled))
    assert param.tolist() == [0.5] * 3
