"""Steps of arrays in 16 bits, of any layout, cut anywhere, of rows, by any number of threads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import instep
from instep import RowGradient, functional, reference
from instep.reference import narrow, random_bits
from tests.cases import FEW_CASES, ROW_CASES, Arguments, Array, Case
from tests.compare import assert_same_bits, assert_step_equals_reference
from tests.engine.test_layouts import LAYOUTS, Layout, memory_of
from tests.storage import (
    BFLOAT16,
    CASES_AND_STORAGES,
    FEW_STORAGES,
    LONGEST,
    STORAGES,
    THREE_CASES,
    Storage,
)

few_cases = pytest.mark.parametrize("case", FEW_CASES, ids=str)
row_cases = pytest.mark.parametrize("case", ROW_CASES, ids=str)
every_storage = pytest.mark.parametrize("storage", STORAGES.values(), ids=STORAGES)
few_storages = pytest.mark.parametrize("storage", FEW_STORAGES.values(), ids=FEW_STORAGES)
every_layout = pytest.mark.parametrize(
    "layout",
    # No complex type has parts of 16 bits.
    [layout for name, layout in LAYOUTS.items() if name != "imaginary part"],
    ids=[name for name in LAYOUTS if name != "imaginary part"],
)
every_number_of_threads = pytest.mark.parametrize("threads", [1, 2, 3, 5])

three_cases = pytest.mark.parametrize("case", THREE_CASES, ids=str)


@pytest.fixture(autouse=True)
def no_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


def laid_out(arrays: Arguments, layouts: dict[str, Layout]) -> Arguments:
    """Return views of these layouts with the arrays' values, and a pattern around them."""
    views = {name: layouts[name](array.shape, array.dtype) for name, array in arrays.items()}
    for name, view in views.items():
        memory_of(view)[...] = 0xA5
        view[...] = arrays[name]
    return views


def assert_step_on_views(case: Case, views: Arguments, number: int = 2) -> None:
    """Fail unless a step does to the views what the reference does, and nothing around them."""
    memories = {name: memory_of(view) for name, view in views.items()}
    before = {name: memory.copy() for name, memory in memories.items()}
    values = {name: view.copy() for name, view in views.items()}
    assert_step_equals_reference(case, views, number)
    for name, view in views.items():
        view[...] = values[name]
        assert memories[name].tobytes() == before[name].tobytes(), name


@every_layout
@few_storages
@three_cases
def test_all_arrays_alike(case: Case, storage: Storage, layout: Layout) -> None:
    for shape in ((5, 7), (67, 33), (1, 300), (300, 1)):
        arrays = storage.random_arrays(case, shape)
        assert_step_on_views(storage.of(case), laid_out(arrays, dict.fromkeys(arrays, layout)))


@every_layout
@every_storage
def test_one_array_unlike_the_others(storage: Storage, layout: Layout) -> None:
    arrays = storage.random_arrays(LONGEST, (13, 11))
    for other in (LAYOUTS["C"], LAYOUTS["Fortran"], LAYOUTS["every third column"]):
        for odd in arrays:
            layouts = {name: layout if name == odd else other for name in arrays}
            assert_step_on_views(storage.of(LONGEST), laid_out(arrays, layouts))


AXES: dict[str, Callable[[Array], Array]] = {
    "C": np.copy,
    "Fortran": np.asfortranarray,
    "middle first": lambda array: array.transpose(1, 0, 2).copy().transpose(1, 0, 2),
    "last first": lambda array: array.transpose(2, 0, 1).copy().transpose(1, 2, 0),
    "last two in turn": lambda array: array.transpose(0, 2, 1).copy().transpose(0, 2, 1),
    "a part, reversed": lambda array: np.pad(array, 2)[2:-2, 2:-2, 2:-2][::-1].copy()[::-1],
}


@pytest.mark.parametrize("axes", AXES.values(), ids=AXES)
@few_storages
@three_cases
@pytest.mark.usefixtures("finest_grain")
def test_three_axes(case: Case, storage: Storage, axes: Callable[[Array], Array]) -> None:
    instep.set_num_threads(3)
    for shape in ((3, 5, 7), (30, 20, 11)):
        arrays = storage.random_arrays(case, shape)
        for chosen in [set(arrays), *({name} for name in arrays)]:
            views = {
                name: axes(array) if name in chosen else array.copy()
                for name, array in arrays.items()
            }
            assert_step_equals_reference(storage.of(case), views)


@every_number_of_threads
@few_storages
@few_cases
@pytest.mark.usefixtures("finest_grain")
def test_any_number_of_threads(case: Case, storage: Storage, threads: int) -> None:
    instep.set_num_threads(threads)
    sizes = (1, 3, 0, 17, 64, 1, 1, 129, 1000, 5, 31, 0, 2, 2500)
    each = [storage.random_arrays(case, size, seed) for seed, size in enumerate(sizes)]
    arrays = {name: [array[name] for array in each] for name in each[0]}
    assert_step_equals_reference(storage.of(case), arrays)
    strided = {name: [array[::-3] for array in arrays[name]] for name in arrays}
    assert_step_equals_reference(storage.of(case), strided, 2)


@settings(max_examples=40)
@given(data=st.data())
@few_storages
def test_any_shape_order_and_stride(storage: Storage, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9))
    arrays = storage.random_arrays(LONGEST, shape)
    for name, array in arrays.items():
        order = data.draw(st.permutations(range(len(shape))))
        steps = data.draw(st.tuples(*[st.sampled_from([-2, -1, 1, 3])] * len(shape)))
        memory = np.empty([shape[axis] * abs(steps[axis]) for axis in order], array.dtype)
        view = memory.transpose(np.argsort(order))[tuple(slice(None, None, step) for step in steps)]
        view[...] = array
        arrays[name] = view
    assert_step_equals_reference(storage.of(LONGEST), arrays)


# Rows


def assert_step_of_rows(
    case: Case, arrays: Arguments, rows: list[int], storage: Storage, seed: int = 0
) -> None:
    """Fail unless a step does what the reference does, and changes the touched rows alone."""
    shape = (len(rows), *arrays["param"].shape[1:])
    values = np.random.default_rng(seed).standard_normal(shape).astype(storage.grad)
    grad = RowGradient(np.array(rows, np.int64), values)
    written = {name: array for name, array in arrays.items() if name != "grad"}
    before = {name: np.array(array, order="C") for name, array in written.items()}
    expected = {name: array.copy() for name, array in before.items()}
    with np.errstate(all="ignore"):
        storage.of(case).step(reference, {**expected, "grad": grad}, 2)
    storage.of(case).step(functional, {**written, "grad": grad}, 2)
    untouched = np.ones(len(arrays["param"]), bool)
    untouched[rows] = False
    for name, array in written.items():
        assert_same_bits(array, expected[name], name)
        assert array[untouched].tobytes() == before[name][untouched].tobytes(), name


ROWS: tuple[list[int], ...] = ([], [2], [0, 3, 6], [6, 1, 4], [5, 5], [4, 0, 4, 4, 6, 0])
ROW_SHAPES = ((7,), (7, 1), (7, 3), (7, 64), (7, 200), (7, 3, 5), (7, 0))


@pytest.mark.parametrize(
    ("case", "storage"),
    [pair for pair in CASES_AND_STORAGES.values() if pair[0] in ROW_CASES],
    ids=[name for name, (case, _) in CASES_AND_STORAGES.items() if case in ROW_CASES],
)
def test_rows(case: Case, storage: Storage) -> None:
    """Also such that come more than once: their values are added up in the working type."""
    each_choice = [((7, 3), rows) for rows in ROWS]
    each_shape = [(shape, rows) for shape in ROW_SHAPES for rows in ([6, 1, 4], [4, 0, 4, 4, 6, 0])]
    for shape, rows in each_choice + each_shape:
        assert_step_of_rows(case, storage.random_arrays(case, shape), rows, storage)


@every_layout
@few_storages
def test_rows_of_any_layout(storage: Storage, layout: Layout) -> None:
    for shape in ((7, 3), (7, 70), (7, 1)):
        arrays = storage.random_arrays(LONGEST, shape)
        for odd in (set(arrays), *({name} for name in arrays)):
            layouts = {name: layout if name in odd else LAYOUTS["C"] for name in arrays}
            views = laid_out(arrays, layouts)
            assert_step_of_rows(LONGEST, views, [4, 0, 4, 6], storage)


@every_number_of_threads
@few_storages
@row_cases
@pytest.mark.usefixtures("finest_grain")
def test_many_rows(case: Case, storage: Storage, threads: int) -> None:
    instep.set_num_threads(threads)
    rows = np.random.default_rng(threads).integers(0, 400, 300).tolist()
    for shape in ((400,), (400, 5), (400, 2, 9)):
        assert_step_of_rows(case, storage.random_arrays(case, shape), rows, storage)


@few_storages
@row_cases
def test_conditions_of_rows(case: Case, storage: Storage) -> None:
    conditioned = Case(
        case.rule, case.states, {**case.options, "clip_norm": 0.5, "grad_scale": 3.0}
    )
    assert_step_of_rows(conditioned, storage.random_arrays(case, (7, 5)), [4, 0, 4, 6], storage)


@pytest.mark.skipif(sys.platform != "linux", reason="not every system has files with holes")
@pytest.mark.parametrize("backwards", [False, True])
def test_rows_around_the_element_whose_index_has_33_bits(backwards: bool, tmp_path: Path) -> None:
    """Of a table of 8 GB that is all hole but for these rows."""
    width = 3001
    rows = 2**32 // width + np.array([-1, 0, 1])
    step = -1 if backwards else 1
    memory = np.memmap(tmp_path / "table", BFLOAT16, "w+", shape=(int(rows[-1]) + 1, width))
    table = memory[:, ::step]
    values = np.random.default_rng(0).standard_normal((3, width)).astype(np.float32)
    functional.sgd_step(
        table, RowGradient(rows, values), step=1, lr=1.0, param_rounding="stochastic"
    )
    index = rows[:, None] * width + np.arange(width)
    assert index.min() < 2**32 <= index.max()
    random = random_bits(index, seed=0, step=1, parameter=0, slot=4)
    assert_same_bits(np.array(table[rows]), narrow(-values, BFLOAT16, random))
