"""Messages end with what to do; what they say to do, works."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import instep
from instep import functional
from tests.cases import Array

FLATTEN = "of nested containers pass instep.flatten(...), of parameters and gradients alike"
CONVERT = "convert it once with .astype(np.float32) or .astype(np.float64)"
FILE = "it lies in a file: step w = x[...], and write it back, x[...] = w; or use a numpy.memmap"
COMPLEX = "which steps real and imaginary parts in place, and that of its gradient"
TWO_PARTS = "pass its .real and .imag as two parameters, and those of its gradient"
BIG = "convert it once with .astype(np.complex128), and pass that array's .view(np.float64)"

READ_ONLY = (
    "it is seen by DLPack and may not be written, as JAX's arrays never may: step a copy, "
    "w = np.array(...), and make another one of w"
)
REAL = (
    "pass its .real, or where the parameter is a complex array's view as real numbers, the same "
    "view of it"
)


def of_module(module: str, **attributes: Any) -> Any:
    """Return what an array of another package is to us: its type's module, shape and dtype."""
    known = {"shape": (2,), "dtype": np.dtype(float), "__module__": module, **attributes}
    return type("Theirs", (), known)()


@dataclasses.dataclass
class Layer:
    """A layer with its array."""

    w: Array


def read_only_by_dlpack() -> Array:
    array = np.ones(2)
    array.setflags(write=False)
    return np.from_dlpack(array)


PARAMETERS: dict[str, tuple[Callable[[], Any], str]] = {
    "complex64": (lambda: np.ones(2, "c8"), f"pass its .view(np.float32), {COMPLEX}"),
    "complex128": (lambda: np.ones((2, 3), "c16"), f"pass its .view(np.float64), {COMPLEX}"),
    "complex, Fortran": (lambda: np.ones((2, 3), "c16", order="F"), TWO_PARTS),
    "complex, strided": (lambda: np.ones(4, "c16")[::2], TWO_PARTS),
    "complex, one column": (
        lambda: np.ones((2, 4), "c16")[:, :1],
        f"pass its .view(np.float64), {COMPLEX}",
    ),
    "complex, no axes": (
        lambda: np.ones((), "c16"),
        "make it an array of shape (1,), and pass the .view(np.float64) of that",
    ),
    "complex, swapped": (lambda: np.ones(2, np.dtype("c16").newbyteorder()), BIG),
    "structured": (
        lambda: np.ones(2, [("y", "f8"), ("x", "f8")]),
        "pass a field of it, such as array['y']",
    ),
    "objects": (
        lambda: np.array([np.ones(2), np.ones(3)], object),
        "it refers to objects of Python: where these are arrays, pass a list of them",
    ),
    "integers": (lambda: np.ones(2, int), CONVERT),
    "long double": (lambda: np.ones(2, np.longdouble), CONVERT),
    "raw bytes": (lambda: np.zeros(2, "V4"), CONVERT),
    "pandas": (
        lambda: of_module("pandas.core.series"),
        "a step cannot write into it: step w = x.to_numpy(copy=True), and make another one of w",
    ),
    "pandas, by its public name": (
        lambda: of_module("pandas"),
        "a step cannot write into it: step w = x.to_numpy(copy=True), and make another one of w",
    ),
    "scipy.sparse": (
        lambda: of_module("scipy.sparse._csr"),
        "pass its .data, the numbers that it holds, and their gradient",
    ),
    "h5py": (lambda: of_module("h5py._hl.dataset"), FILE),
    "zarr": (lambda: of_module("zarr.core.array"), FILE),
    "anything else": (
        lambda: of_module("theirs"),
        "a step works in place and converts nothing, pass np.asarray(...)",
    ),
    "a mapping of mappings": (lambda: {"layer": {"w": np.ones(2)}}, FLATTEN),
    "a mapping of lists": (lambda: {"layer": [np.ones(2)]}, FLATTEN),
    "a list of tuples": (lambda: [(np.ones(2), np.ones(3))], FLATTEN),
    "a list of dataclasses": (lambda: [Layer(np.ones(2))], FLATTEN),
    "numbers": (
        lambda: [[1.0, 2.0]],
        "a step works in place and converts nothing, pass np.asarray(...)",
    ),
    "layers' mappings": (
        lambda: [{"w": np.ones(2)}, {"w": np.ones(2)}],
        FLATTEN.replace("nested containers", "layers with arrays of their own"),
    ),
    "a group by itself": (lambda: {"params": [np.ones(2)], "lr": 0.5}, "pass [group]"),
    "read-only by DLPack": (
        read_only_by_dlpack,
        READ_ONLY,
    ),
}


@pytest.mark.parametrize(("params", "advice"), PARAMETERS.values(), ids=list(PARAMETERS))
def test_what_to_do_about_parameters(params: Callable[[], Any], advice: str) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)) as refusal:
        instep.SGD(params())
    assert refusal.value.args[0].partition("; ")[2] == advice


def test_a_list_within_itself_is_refused_as_any_list() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(TypeError, match="got list"):
        instep.SGD(endless)


CONVERT = "convert it once with .astype(np.float32) or .astype(np.float64)"

GRADIENTS: dict[str, tuple[Any, str]] = {
    "complex": (
        np.ones(2, complex),
        REAL,
    ),
    "pandas": (of_module("pandas.core.series"), "pass its .to_numpy()"),
    "scipy.sparse": (
        of_module("scipy.sparse._csr"),
        "pass its .toarray(), or instep.RowGradient.from_scipy(...) of a csr_array",
    ),
    "h5py": (of_module("h5py._hl.dataset"), "it lies in a file, pass x[...]"),
    "a number": (1.0, "a step works in place and converts nothing, pass np.asarray(...)"),
    "int64": (np.ones(2, np.int64), CONVERT),
    "a scalar of int64": (np.int64(1), CONVERT),
}


@pytest.mark.parametrize(("grad", "advice"), GRADIENTS.values(), ids=list(GRADIENTS))
def test_what_to_do_about_gradients(grad: Any, advice: str) -> None:
    w = np.ones(2)
    for step in (
        instep.SGD(w).step,
        lambda grad: functional.sgd_step(w, grad, step=1, lr=0.5),
    ):
        with pytest.raises(TypeError) as refusal:
            step(grad)
        assert str(refusal.value).partition("; ")[2] == advice
        assert w.tolist() == [1.0] * 2


def test_a_complex_parameter_is_stepped_in_its_parts() -> None:
    given = np.array([1 + 2j, 3 - 4j])
    grad = np.array([2j, 2 + 0j])
    w = given.copy()
    instep.SGD(w.view(np.float64), lr=0.5).step(grad.view(np.float64))
    assert w.tolist() == (given - 0.5 * grad).tolist()
    columns = given.reshape(2, 1).repeat(2, axis=1).T
    instep.SGD([columns.real, columns.imag], lr=0.5).step([np.ones((2, 2)), np.ones((2, 2))])
    assert columns.tolist() == [[0.5 + 1.5j, 2.5 - 4.5j]] * 2


def test_a_field_is_stepped_in_place() -> None:
    records = np.ones(2, [("x", np.float64), ("n", np.int32)])
    instep.SGD(records["x"], lr=0.5).step(np.ones(2))
    assert records.tolist() == [(0.5, 1)] * 2


def test_frames_of_pandas() -> None:
    pandas: Any = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, 2.0]})
    for given in (frame, frame["x"]):
        with pytest.raises(TypeError, match=r"to_numpy\(copy=True\)"):
            instep.SGD(given)
        with pytest.raises(TypeError, match=r"pass its \.to_numpy\(\)$"):
            instep.SGD(np.ones(given.shape)).step(given)


def test_matrices_of_scipy() -> None:
    sparse: Any = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_array(np.eye(2))
    with pytest.raises(TypeError, match=r"pass its \.data"):
        instep.SGD(matrix)
    with pytest.raises(TypeError, match=r"pass its \.toarray\(\)"):
        instep.SGD(np.eye(2)).step(matrix)
    instep.SGD(matrix.data, lr=0.5).step(np.ones(2))
    assert matrix.toarray().tolist() == [[0.5, 0.0], [0.0, 0.5]]


def test_arrays_of_zarr() -> None:
    zarr: Any = pytest.importorskip("zarr")
    with pytest.raises(TypeError, match=r"step w = x\[\.\.\.\]"):
        instep.SGD(zarr.array(np.ones((2, 3))))
