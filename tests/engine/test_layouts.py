"""A step writes into the arrays that it was given, whatever their layout, and nowhere else."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import instep
from instep import functional, reference
from tests.api.model import Model, make, random_arrays
from tests.cases import DTYPES, FEW_CASES, Arguments, Array, Case
from tests.compare import assert_same_bits, assert_step_equals_reference
from tests.processes import run_scenario

Shape: TypeAlias = tuple[int, ...]
Layout: TypeAlias = Callable[[Shape, np.dtype[Any]], Array]

every_case = pytest.mark.parametrize("case", FEW_CASES, ids=str)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def at_byte(offset: int, shape: Shape, dtype: np.dtype[Any]) -> Array:
    memory = np.empty(offset + int(np.prod(shape)) * dtype.itemsize, np.uint8)
    return memory[offset:].view(dtype).reshape(shape)


def in_record(shape: Shape, dtype: np.dtype[Any], *, align: bool) -> Array:
    record = np.dtype([("tag", np.uint8), ("value", dtype)], align=align)
    return np.empty(shape, record)["value"]


def part_of_complex(shape: Shape, dtype: np.dtype[Any]) -> Array:
    return np.empty(shape, np.result_type(dtype, np.complex64)).imag


# Every layout of an array with two axes.
LAYOUTS: dict[str, Layout] = {
    "C": lambda shape, dtype: np.empty(shape, dtype),
    "Fortran": lambda shape, dtype: np.empty(shape, dtype, order="F"),
    "transposed": lambda shape, dtype: np.empty(shape[::-1], dtype).T,
    "some rows": lambda shape, dtype: np.empty((shape[0] + 5, shape[1]), dtype)[2:-3],
    "some columns": lambda shape, dtype: np.empty((shape[0], shape[1] + 5), dtype)[:, 2:-3],
    "every second row": lambda shape, dtype: np.empty((2 * shape[0], shape[1]), dtype)[::2],
    "every second column": lambda shape, dtype: np.empty((shape[0], 2 * shape[1]), dtype)[:, 1::2],
    "every third column": lambda shape, dtype: np.empty((shape[0], 3 * shape[1]), dtype)[:, 1::3],
    "every fourth column": lambda shape, dtype: np.empty((shape[0], 4 * shape[1]), dtype)[:, 3::4],
    "far apart": lambda shape, dtype: np.empty((*shape, 40), dtype)[..., 7],
    "rows reversed": lambda shape, dtype: np.empty(shape, dtype)[::-1],
    "columns reversed": lambda shape, dtype: np.empty(shape, dtype)[:, ::-1],
    "all reversed": lambda shape, dtype: np.empty(shape, dtype, order="F")[::-1, ::-1],
    "every second one, reversed": lambda shape, dtype: np.empty(
        (2 * shape[0], 2 * shape[1]), dtype
    )[::-2, ::-2],
    "imaginary part": part_of_complex,
    "in a record": lambda shape, dtype: in_record(shape, dtype, align=True),
    "in a packed record": lambda shape, dtype: in_record(shape, dtype, align=False),
    "misaligned": lambda shape, dtype: at_byte(1, shape, dtype),
    "aligned for less": lambda shape, dtype: at_byte(2, shape, dtype),
    "misaligned and transposed": lambda shape, dtype: at_byte(3, shape[::-1], dtype).T,
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)

SHAPES = ((5, 7), (67, 129), (1, 300), (300, 1))


def laid_out(
    case: Case, layouts: dict[str, Layout], shape: Shape, dtype: np.dtype[Any]
) -> Arguments:
    """Return arrays of these layouts for a parameter of this shape; states may have another."""
    views = {}
    for name, layout in layouts.items():
        own = case.shape_of(name, shape)
        views[name] = layout(own, dtype) if len(own) == 2 else layout((*own, 1), dtype)[:, 0]
    return views


def memory_of(view: Array) -> Array:
    """Return all bytes of the array that owns the view's memory."""
    owner = view
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner.ravel(order="K").view(np.uint8)


def fill(views: Arguments, case: Case, seed: int = 0) -> Arguments:
    """Give the views random values, and the memory around them a pattern."""
    for view in views.values():
        memory_of(view)[...] = 0xA5
    for name, values in case.random_arrays(
        views["param"].shape, views["param"].dtype, seed
    ).items():
        views[name][...] = values
    return views


def assert_step_on_views(case: Case, views: Arguments, number: int = 2) -> None:
    """Fail unless a step does to the views what the reference does, and nothing around them."""
    memories = [memory_of(view) for view in views.values()]
    before = [memory.copy() for memory in memories]
    values = {name: views[name].copy() for name in ("param", *case.states)}
    assert_step_equals_reference(case, views, number)
    for name, old in values.items():
        views[name][...] = old
    for memory, old in zip(memories, before, strict=True):
        assert memory.tobytes() == old.tobytes()


@every_dtype
@every_layout
@every_case
def test_all_arrays_alike(case: Case, layout: Layout, dtype: np.dtype[Any]) -> None:
    for shape in SHAPES:
        layouts = dict.fromkeys(("param", "grad", *case.states), layout)
        views = laid_out(case, layouts, shape, dtype)
        assert_step_on_views(case, fill(views, case))


@every_dtype
@every_layout
@every_case
def test_one_array_unlike_the_others(case: Case, layout: Layout, dtype: np.dtype[Any]) -> None:
    names = ("param", "grad", *case.states)
    for other in (LAYOUTS["C"], LAYOUTS["Fortran"], LAYOUTS["every third column"]):
        for odd in names:
            layouts = {name: layout if name == odd else other for name in names}
            views = laid_out(case, layouts, (13, 11), dtype)
            assert_step_on_views(case, fill(views, case))


@every_dtype
@every_layout
@pytest.mark.parametrize("start", ["C", "Fortran", "every third column"])
def test_an_array_in_the_place_of_one_of_another_layout(
    start: str, layout: Layout, dtype: np.dtype[Any]
) -> None:
    """The states lie as the first parameter did."""
    options: dict[str, Any] = {"momentum": 0.5, "centered": True}
    for shape in SHAPES:
        (values,) = random_arrays([np.empty(shape, dtype)], seed=0)
        first, second = LAYOUTS[start](shape, dtype), layout(shape, dtype)
        memory_of(second)[...] = 0xA5
        first[...], second[...] = values, values
        around = memory_of(second).copy()
        model = Model("RMSprop", [values], **options)
        optimizer = make("RMSprop", first, **options)
        for seed in range(1, 5):
            if seed == 3:
                second[...] = first
                optimizer.rebind(second)
            grads = random_arrays([values], seed)
            optimizer.step(*grads)
            model.step(grads)
        model.assert_equals(optimizer)
        assert_same_bits(second, model.params[0], "the array itself")
        second[...] = values
        assert memory_of(second).tobytes() == around.tobytes()


@every_dtype
@every_case
def test_every_array_in_another_layout(case: Case, dtype: np.dtype[Any]) -> None:
    layouts = list(LAYOUTS.values())
    names = ("param", "grad", *case.states)
    for first in range(len(layouts)):
        for apart in (1, 5, 7):
            chosen = {
                name: layouts[(first + apart * i) % len(layouts)] for i, name in enumerate(names)
            }
            views = laid_out(case, chosen, (67, 43), dtype)
            assert_step_on_views(case, fill(views, case))


@every_dtype
@pytest.mark.parametrize(
    "shape",
    [
        (16, 1024),
        (15, 1023),
        (17, 1025),
        (9, 2100),
        (530, 40),
        (3, 20, 300),
        (300, 2, 17),
        (5, 7, 66),
    ],
    ids=str,
)
@pytest.mark.usefixtures("finest_grain")
@every_case
def test_gradient_across_the_parameter(case: Case, shape: Shape, dtype: np.dtype[Any]) -> None:
    """Around the size of the tiles that are gathered, cut anywhere among threads."""
    for order in itertools.permutations(range(len(shape))):
        axes = np.argsort(order)
        across = np.empty([shape[axis] for axis in order], dtype).transpose(axes)
        wide = np.empty([shape[axis] + 3 for axis in order], dtype).transpose(axes)
        for gradient in (across, wide[(slice(1, -2),) * len(shape)]):
            views = {
                name: np.empty(case.shape_of(name, shape), dtype)
                for name in ("param", *case.states)
            }
            views["grad"] = gradient.reshape(case.shape_of("grad", shape))
            assert_step_on_views(case, fill(views, case))


@every_dtype
@every_case
def test_every_layout_in_one_call(case: Case, dtype: np.dtype[Any]) -> None:
    names = ("param", "grad", *case.states)
    each = [
        fill(laid_out(case, dict.fromkeys(names, layout), (9, 31), dtype), case, seed)
        for seed, layout in enumerate(LAYOUTS.values())
    ]
    assert_step_equals_reference(case, {name: [a[name] for a in each] for name in each[0]})


@every_dtype
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5), (2, 0, 3)], ids=str)
@every_case
def test_empty(case: Case, shape: Shape, dtype: np.dtype[Any]) -> None:
    for order in ("C", "F"):
        views = {
            name: np.empty((*case.shape_of(name, shape), 2), dtype, order=order)[..., 1]
            for name in ("param", "grad", *case.states)
        }
        assert_step_on_views(case, fill(views, case))


@every_dtype
@pytest.mark.parametrize("offset", [0, 1, 12])
@every_case
def test_no_axes(case: Case, offset: int, dtype: np.dtype[Any]) -> None:
    views = {
        name: at_byte(offset, case.shape_of(name, ()), dtype)
        for name in ("param", "grad", *case.states)
    }
    assert_step_on_views(case, fill(views, case))


@every_dtype
@pytest.mark.parametrize("axes", [3, 8, 32, 64])
@every_case
def test_many_axes(case: Case, axes: int, dtype: np.dtype[Any]) -> None:
    """Axes of length 1 and 2 in shuffled order, of which none can be merged with another."""
    rng = np.random.default_rng(axes)
    lengths = rng.permutation([2] * min(axes, 10) + [1] * (axes - min(axes, 10)))
    views = {}
    for name in ("param", "grad", *case.states):
        own = case.shape_of(name, tuple(lengths.tolist()))
        owner = np.empty([2 * length for length in own if length > 1], dtype)
        every_second: Any = (*[slice(None, None, 2)] * owner.ndim, ...)
        sparse = owner[every_second].transpose(rng.permutation(owner.ndim))
        views[name] = sparse.reshape(own)
        assert np.shares_memory(views[name], owner)
    assert_step_on_views(case, fill(views, case))


@every_dtype
@pytest.mark.parametrize(
    "spread",
    [
        lambda shape, dtype: np.broadcast_to(np.empty((), dtype), shape),
        lambda shape, dtype: np.broadcast_to(np.empty(shape[1], dtype), shape),
        lambda shape, dtype: np.broadcast_to(np.empty((shape[0], 1), dtype), shape),
        lambda shape, dtype: np.broadcast_to(np.empty(2 * shape[1], dtype)[::-2], shape),
    ],
    ids=["scalar", "row", "column", "reversed row"],
)
@every_case
def test_broadcast_gradient(case: Case, spread: Layout, dtype: np.dtype[Any]) -> None:
    for shape in SHAPES:
        for layout in (LAYOUTS["C"], LAYOUTS["Fortran"], LAYOUTS["every third column"]):
            views = laid_out(case, dict.fromkeys(("param", *case.states), layout), shape, dtype)
            own = case.shape_of("grad", shape)
            fill(views | {"grad": np.empty(own, dtype)}, case)
            gradient = spread(shape, dtype)
            memory_of(gradient).view(dtype)[...] = np.linspace(-2, 1, memory_of(gradient).size)[
                :: dtype.itemsize
            ]
            assert_step_on_views(case, {**views, "grad": gradient.reshape(own)})


@every_dtype
@every_case
def test_read_only_gradient(case: Case, dtype: np.dtype[Any]) -> None:
    arrays = case.random_arrays((5, 7), dtype)
    arrays["grad"].flags.writeable = False
    assert_step_on_views(case, arrays)


@every_dtype
@every_case
def test_arrays_woven_into_each_other(case: Case, dtype: np.dtype[Any]) -> None:
    for shape in ((1000,), (31, 41)):
        values = case.random_arrays(shape, dtype)
        shape = values["param"].shape
        names = [name for name, array in values.items() if array.shape == shape]
        for axis in range(len(shape)):
            woven = np.stack([values[name] for name in names], axis=axis + 1)
            woven = woven.reshape(*shape[:axis], -1, *shape[axis + 1 :])
            for step in (len(names), -len(names)):
                index = [slice(None)] * len(shape)
                views = {name: values[name].copy() for name in values}
                for start, name in enumerate(names):
                    index[axis] = slice(start if step > 0 else -1 - start, None, step)
                    views[name] = woven[tuple(index)]
                assert_step_on_views(case, views)


@every_dtype
@every_case
def test_memmap(case: Case, dtype: np.dtype[Any], tmp_path: Path) -> None:
    expected = case.random_arrays((31, 41), dtype)
    mapped = {}
    for name, values in expected.items():
        values.tofile(tmp_path / name)
        mode: Any = "r" if name == "grad" else "r+"
        mapped[name] = np.memmap(tmp_path / name, dtype, mode, shape=values.shape)
    case.step(functional, mapped)
    case.step(reference, expected)
    for name, values in expected.items():
        mapped[name].flush()
        read = np.fromfile(tmp_path / name, dtype).reshape(values.shape)
        assert_same_bits(read, values, name)


def test_optimizer_of_a_memmap(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    np.arange(1000.0).tofile(path)
    weights = np.memmap(path, np.float64, "r+")
    instep.SGD(weights[::-2], lr=0.5).step(np.ones(500))
    weights.flush()
    expected = np.arange(1000.0)
    expected[1::2] -= 0.5
    assert_same_bits(np.fromfile(path), expected)


@st.composite
def views_of_shape(draw: st.DrawFn, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Return a view with any order of the axes, any steps, and something before and after."""
    order = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 1, 2, 3, -1, -2, -3])) for _ in shape]
    before = [draw(st.integers(0, 2)) for _ in shape]
    after = [draw(st.integers(0, 2)) for _ in shape]
    extents = [b + n * abs(s) + a for n, s, b, a in zip(shape, steps, before, after, strict=True)]
    owner = at_byte(draw(st.sampled_from([0, 0, 1, 4, 6])), tuple(extents[i] for i in order), dtype)
    ahead: list[Any] = [
        slice(b, b + n * abs(s), abs(s)) for n, s, b in zip(shape, steps, before, strict=True)
    ]
    turned: list[Any] = [slice(None, None, 1 if s > 0 else -1) for s in steps]
    return owner.transpose(np.argsort(order))[(*ahead, ...)][(*turned, ...)]


@settings(max_examples=40)
@given(data=st.data())
@every_dtype
@every_case
def test_any_layouts(case: Case, dtype: np.dtype[Any], data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(0, 6), max_size=5)))
    views = {
        name: data.draw(views_of_shape(case.shape_of(name, shape), dtype), name)
        for name in ("param", "grad", *case.states)
    }
    assert_step_on_views(case, fill(views, case))


def step_strided_arrays_of_64_megabytes() -> None:
    import resource

    grad = np.ones((4096, 4096), np.float32)[::2, ::2].T
    param = np.ones((4096, 4096), np.float32)[::2, ::-2]
    functional.sgd_step(param[:8], grad[:8], step=1, lr=0.5)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    functional.sgd_step(param, grad, step=1, lr=0.5)
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert param[8, 0] == 0.5
    # In KiB, but on macOS in bytes; one array has 16 MiB.
    assert growth < 4096, growth


def test_no_temporary_of_the_size_of_an_array() -> None:
    pytest.importorskip("resource", reason="the platform counts no memory")
    run_scenario(step_strided_arrays_of_64_megabytes)
