"""Trees of arrays as one mapping: every container, every leaf, and what is refused."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import instep
from tests.cases import Array

A, B = np.ones(2), np.zeros((2, 3), np.float32)


class Pair(NamedTuple):
    w: Any
    b: Any


@dataclass
class Layer:
    w: Any
    b: Any = None
    inner: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Frozen:
    w: Any


TREES: dict[str, tuple[Any, list[str]]] = {
    "a dictionary": ({"a": A, "b": B}, ["a", "b"]),
    "in its own order": ({"b": A, "a": B}, ["b", "a"]),
    "of dictionaries": ({"x": {"y": {"z": A}}, "b": B}, ["x.y.z", "b"]),
    "keys that are numbers": ({0: A, -1: B}, ["0", "-1"]),
    "another mapping": (OrderedDict(x=UserDict(a=A), y=MappingProxyType({"b": B})), ["x.a", "y.b"]),
    "a list": ([A, B], ["0", "1"]),
    "of tuples": ([(A,), (B,)], ["0.0", "1.0"]),
    "a named tuple": ({"layer": Pair(A, B)}, ["layer.w", "layer.b"]),
    "a dataclass": (Layer(A, None, [B]), ["w", "b", "inner.0"]),
    "a dataclass with slots": ([Frozen(A)], ["0.w"]),
    "layers": (
        {"layers": [{"w": A, "b": B}, {"w": A}]},
        ["layers.0.w", "layers.0.b", "layers.1.w"],
    ),
    "empty containers": ({"a": {}, "b": [], "c": (), "w": A}, ["w"]),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("tree", "names"), TREES.values(), ids=TREES)
def test_names_are_the_ways_to_the_leaves(tree: Any, names: list[str]) -> None:
    assert list(instep.flatten(tree)) == names


LEAVES: dict[str, Any] = {
    "an array": A,
    "a 0-d array": np.array(1.0),
    "an array of a subclass": np.ma.masked_array([1.0]),
    "a NumPy scalar": np.float64(1.0),
    "None": None,
    "rows": instep.RowGradient(np.array([0]), np.ones((1, 3))),
}


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES)
def test_leaves_are_passed_on_as_they_are(leaf: Any) -> None:
    assert instep.flatten({"w": [leaf]})["w.0"] is leaf


def test_leaves_of_another_library_are_passed_on() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(3)
    assert instep.flatten([tensor])["0"] is tensor


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "an array alone": (A, TypeError, r"^tree: .*got ndarray; pass an array by itself"),
    "None alone": (None, TypeError, r"^tree: .*got NoneType"),
    "a number": ({"layers": [A, 3]}, TypeError, r"^'layers\.1': .*got int; leave out"),
    "a string": ({"name": "dense"}, TypeError, r"^'name': .*got str"),
    "a string alone": ("dense", TypeError, r"^tree: .*got str"),
    "a set": ({"w": {1.0}}, TypeError, r"^'w': .*got set"),
    "a generator": ((each for each in [A]), TypeError, r"^tree: .*got generator"),
    "an object": ({"w": object()}, TypeError, r"^'w': .*got object"),
    "a class": ({"w": Layer}, TypeError, r"^'w': .*got type"),
    "a field that is no array": (Layer(A, 0.5), TypeError, r"^'b': .*got float"),
    "a key of another type": ({"w": {("a", 0): A}}, TypeError, r"^'w': expected keys.*\('a', 0\)"),
    "one name for two": ({"a": {"b": A}, "a.b": B}, ValueError, r"^'a\.b': .*got two"),
    "a number and its string": ({0: A, "0": B}, ValueError, r"^'0': .*got two"),
}


@pytest.mark.parametrize(("tree", "error", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(tree: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        instep.flatten(tree)


def test_a_nested_model_is_stepped_in_place() -> None:
    def model(value: float) -> list[dict[str, Array]]:
        return [{"w": np.full((2, 3), value), "b": np.full(3, value)} for _ in range(2)]

    params, grads = model(1.0), model(0.5)
    optimizer = instep.SGD(instep.flatten(params), lr=1.0)
    optimizer.step(instep.flatten(grads))
    for layer in params:
        assert layer["w"].tolist() == [[0.5] * 3] * 2
        assert layer["b"].tolist() == [0.5] * 3


def test_a_parameter_of_none_is_refused_by_its_name() -> None:
    with pytest.raises(TypeError, match=r"parameter '0\.b'.*NoneType"):
        instep.SGD(instep.flatten([Layer(A)]))


def test_a_mapping_that_reads_a_file_at_each_look_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", w=A)
    with np.load(tmp_path / "w.npz") as archive:
        with pytest.raises(TypeError, match=r"'model\.w'.*same memory.*keep dict\(\.\.\.\) of it"):
            instep.flatten({"model": archive})
        assert list(instep.flatten({"model": dict(archive)})) == ["model.w"]
