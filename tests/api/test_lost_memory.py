"""Arrays whose memory nobody keeps: what a step changes must be what the user has."""

from __future__ import annotations

import shelve
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from tests.cases import Array


class Copies(Mapping[str, Any]):
    """Hands out new arrays, as numpy.load of an archive does."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> Any:
        return self._arrays[name].copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class Views(Copies):
    """Hands out a new array each time that sees the same memory."""

    def __getitem__(self, name: str) -> Any:
        return self._arrays[name][...]


class Dataset:
    """An array in a file, as h5py and zarr have it: indexing reads a copy."""

    dtype = np.dtype(np.float64)
    shape = (2, 3)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: Any) -> Any:
        return np.zeros(self.shape)[index]


class Frame:
    """A table, whose columns have a dtype each."""

    dtypes = (np.dtype(np.float64),)
    shape = (2, 1)

    def __iter__(self) -> Iterator[str]:
        return iter(["column"])


def arrays() -> dict[str, Array]:
    return {"w": np.ones((2, 3)), "b": np.ones(3)}


def archive(folder: Path) -> Any:
    np.savez(folder / "w.npz", allow_pickle=False, **arrays())
    return np.load(folder / "w.npz")


def shelf(folder: Path) -> Any:
    opened: Any = shelve.open(str(folder / "shelf"))  # noqa: SIM115
    opened.update(arrays())
    return opened


NEW_EACH_TIME: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a mapping": (lambda _: Copies(arrays()), "'w'.*Copies.*dict"),
    "an archive": (archive, "'w'.*NpzFile.*dict"),
    "a shelf": (shelf, "'b'|'w'.*Shelf.*dict"),
    "values": (lambda _: Copies(arrays()).values(), "parameter 0.*ValuesView.*list"),
    "a group": (lambda _: [{"params": Copies(arrays())}], "'w'.*Copies.*dict"),
    "a group's values": (
        lambda _: [{"params": Copies(arrays()).values()}],
        "parameter 0.*ValuesView.*list",
    ),
}

each_way_to_make = pytest.mark.parametrize(
    "make",
    [instep.SGD, lambda params: instep.line_search.ArmijoSGD(params, batch_fraction=1.0)],
    ids=["SGD", "ArmijoSGD"],
)


@pytest.mark.parametrize(("params", "match"), NEW_EACH_TIME.values(), ids=list(NEW_EACH_TIME))
def test_what_hands_out_other_memory_each_time_is_refused(
    params: Callable[[Path], Any], match: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=match):
        instep.SGD(params(tmp_path))


@each_way_to_make
@pytest.mark.parametrize("given", [Copies(arrays()), Copies(arrays()).values()], ids=["", "values"])
def test_it_is_refused_by_the_search_as_well(make: Callable[[Any], Any], given: Any) -> None:
    with pytest.raises(TypeError, match="the same memory each time"):
        make(given)


def test_it_is_refused_as_a_new_group() -> None:
    optimizer = instep.SGD({"a": np.ones(2)})
    with pytest.raises(TypeError, match=r"'w'.*Copies.*dict"):
        optimizer.add_param_group({"params": Copies(arrays())})
    assert len(optimizer.param_groups) == 1


def test_the_way_out_of_the_message(tmp_path: Path) -> None:
    with archive(tmp_path) as opened:
        params = dict(opened)
    instep.SGD(params, lr=0.5).step(dict.fromkeys(params, None) | {"b": np.ones(3)})
    assert params["b"].tolist() == [0.5] * 3


def test_tensors_that_are_new_each_time_are_refused() -> None:
    torch: Any = pytest.importorskip("torch")

    class Tensors(Copies):
        def __getitem__(self, name: str) -> Any:
            return self._arrays[name].clone()

    tensors = {"w": torch.ones(2)}
    with pytest.raises(TypeError, match=r"'w'.*Tensors.*dict"):
        instep.SGD(Tensors(tensors))
    instep.SGD(OrderedDict(tensors))


@pytest.mark.parametrize(
    "params",
    [
        Views(arrays()),
        OrderedDict(arrays()),
        arrays().values(),
        Views(arrays()).values(),
        iter(Copies(arrays()).values()),  # cannot be asked again
        Views({"empty": np.ones((2, 0))}),
    ],
    ids=["views", "ordered", "values", "values of views", "an iterator", "empty"],
)
def test_what_hands_out_the_same_memory_is_accepted(params: Any) -> None:
    instep.SGD(params)


# An array, where it is no ndarray, is one array and no list of its rows.
@each_way_to_make
@pytest.mark.parametrize("given", [Dataset(), Frame()], ids=["dataset", "frame"])
def test_an_array_without_memory_is_no_sequence(make: Callable[[Any], Any], given: Any) -> None:
    kind = type(given).__name__
    for params, label in (
        (given, "parameter"),
        ([given], "parameter 0"),
        ({"w": given}, "parameter 'w'"),
    ):
        with pytest.raises(TypeError, match=f"^{label}: expected a numpy.ndarray, got {kind}"):
            make(params)


def test_a_group_of_an_array_without_memory_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^parameter 0: expected a numpy\.ndarray, got Dataset"):
        instep.SGD([{"params": Dataset()}])


def test_a_dataset_of_h5py_is_no_list_of_its_rows(tmp_path: Path) -> None:
    h5py: Any = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["w"] = np.ones((2, 3))
        for params in (file["w"], file, {"w": file["w"]}):
            with pytest.raises(TypeError, match=r"expected a numpy\.ndarray, got Dataset"):
                instep.SGD(params)
