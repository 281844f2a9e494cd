"""Gradients of rows: the reference's step of these rows, and nothing elsewhere."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

import instep
from instep import RowGradient, functional, reference
from tests.api.model import (
    Model,
    Options,
    alone,
    assert_same,
    each_variant_that_takes_rows,
    make,
    named,
    params_of,
    random_arrays,
    refused,
)
from tests.cases import DTYPES, ROW_CASES, Arguments, Array, Case
from tests.compare import assert_same_bits
from tests.engine.test_layouts import (
    LAYOUTS,
    Layout,
    Shape,
    every_layout,
    fill,
    laid_out,
    memory_of,
)

every_case = pytest.mark.parametrize("case", ROW_CASES, ids=str)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)

# With and without duplicates, in order and not, one row and none.
ROWS: tuple[list[int], ...] = (
    [],
    [2],
    [0, 3, 6],
    [6, 1, 4],
    [5, 5],
    [4, 0, 4, 4, 6, 0],
    [3, 1, 2, 0, 6, 5, 4],
)
SHAPES = ((7,), (7, 1), (7, 3), (7, 16), (7, 64), (7, 200), (7, 3, 5), (7, 1, 70), (7, 0))


def random_gradient(
    rows: Any, shape: Shape, dtype: np.dtype[Any], seed: int = 0, layout: Layout | None = None
) -> RowGradient:
    rows = np.asarray(rows, None if isinstance(rows, np.ndarray) else np.int64)
    values = np.empty((len(rows), *shape[1:]), dtype)
    if layout is not None:
        values = layout(values.shape, dtype)
    values[...] = np.random.default_rng(seed).standard_normal(values.shape)
    return RowGradient(rows, values)


def assert_step_of_rows(case: Case, arrays: Arguments, number: int = 2) -> None:
    """Fail unless a step does what the reference does, and changes the touched rows alone."""
    written = [name for name in arrays if name != "grad"]
    before = {name: np.array(arrays[name]) for name in written}
    expected = {**arrays, **{name: np.array(arrays[name]) for name in written}}
    with np.errstate(all="ignore"):
        case.step(reference, expected, number)
    case.step(functional, arrays, number)
    untouched = np.ones(len(arrays["param"]), bool)
    untouched[arrays["grad"].rows.astype(np.intp)] = False
    for name in written:
        assert_same_bits(arrays[name], expected[name], name)
        assert arrays[name][untouched].tobytes() == before[name][untouched].tobytes()


def with_rows(case: Case, shape: Shape, dtype: np.dtype[Any], rows: Any) -> Arguments:
    arrays = case.random_arrays(shape, dtype)
    return arrays | {"grad": random_gradient(rows, shape, dtype, len(rows))}


# The rule's step, of the touched rows


@every_dtype
@every_case
def test_equals_the_reference(case: Case, dtype: np.dtype[Any]) -> None:
    for shape in SHAPES:
        for rows in ROWS:
            assert_step_of_rows(case, with_rows(case, shape, dtype, rows))


@pytest.mark.parametrize("module", [functional, reference], ids=["functional", "reference"])
@every_case
def test_is_the_step_of_an_array_of_these_rows(case: Case, module: Any) -> None:
    """The reference is an oracle for rows only as far as it is its own for arrays."""
    shape, rows = (7, 3), [5, 2, 5, 0]
    arrays = with_rows(case, shape, DTYPES[0], rows)
    values = arrays["grad"].values
    dense = {name: array[[5, 2, 0]] for name, array in arrays.items() if name != "grad"}
    dense["grad"] = np.stack([values[0] + values[2], values[1], values[3]])
    case.step(module, arrays, 2)
    case.step(reference, dense, 2)
    for name in dense:
        if name != "grad":
            assert_same_bits(arrays[name][[5, 2, 0]], dense[name], name)


@every_dtype
def test_duplicates_are_added_in_order_of_appearance(dtype: np.dtype[Any]) -> None:
    big = 2.0 / np.finfo(dtype).eps
    for module in (functional, reference):
        param = np.zeros((3, 2), dtype)
        values = np.array([[big, 1], [1, big], [1, 1], [-big, -big], [7, 8]], dtype)
        module.sgd_step(param, RowGradient(np.array([1, 1, 1, 1, 0]), values), step=1, lr=1.0)
        in_order = ((values[0] + values[1]) + values[2]) + values[3]
        assert (in_order != values[0] + (values[1] + (values[2] + values[3]))).any()
        assert_same_bits(param, np.array([[-7, -8], 0 - in_order, [0, 0]], dtype))


def test_a_sum_starts_from_the_first_value() -> None:
    """From 0, minus zero would become zero."""
    gradient = RowGradient(np.array([1, 1]), np.array([[-0.0], [-0.0]]))
    for module in (functional, reference):
        buffer = np.full((2, 1), -0.0)
        module.sgd_step(np.zeros((2, 1)), gradient, buffer, step=1, lr=0.0)
        assert_same_bits(buffer, np.full((2, 1), -0.0))


@pytest.mark.parametrize("kind", [*"bhilqBHILQ", ">i8", ">u2", "<i4"])
def test_every_integer_dtype(kind: str) -> None:
    (case,) = (case for case in ROW_CASES if case.rule == "adadelta")
    for rows in ROWS:
        assert_step_of_rows(case, with_rows(case, (7, 3), DTYPES[0], np.array(rows, kind)))


@pytest.mark.parametrize("count", [1, 100, 5000])
@every_dtype
@every_case
def test_many_rows(case: Case, dtype: np.dtype[Any], count: int) -> None:
    rows = np.random.default_rng(count).integers(0, 3000, count)
    for shape in ((3000,), (3000, 16), (3000, 2, 9)):
        assert_step_of_rows(case, with_rows(case, shape, dtype, rows))


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 8])
@every_case
@pytest.mark.usefixtures("finest_grain")
def test_the_same_bits_for_any_number_of_threads(case: Case, threads: int) -> None:
    with threadpool_limits(threads, user_api="openmp"):
        for shape in SHAPES:
            for rows in (*ROWS, np.arange(70) * 5 % 7):
                assert_step_of_rows(case, with_rows(case, shape, DTYPES[0], rows))
        for columns in (1, 5, 16, 100):
            rows = np.random.default_rng(columns).integers(0, 400, 300)
            assert_step_of_rows(case, with_rows(case, (400, columns), DTYPES[0], rows))


@settings(max_examples=40)
@given(data=st.data())
@every_case
def test_any_rows(case: Case, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 300))
    row_shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9))
    rows = data.draw(st.lists(st.integers(0, length - 1), max_size=60))
    dtype = data.draw(st.sampled_from(DTYPES))
    order = data.draw(st.permutations(range(1 + len(row_shape))))
    steps = data.draw(st.lists(st.sampled_from([-2, -1, 1, 3]), min_size=4, max_size=4))
    shape = (length, *row_shape)
    arrays = with_rows(case, shape, dtype, rows)
    for name in ("param", *case.states[:1]):
        own = case.shape_of(name, shape)
        axes = [axis for axis in order if axis < len(own)]
        memory = np.empty([own[axis] * abs(steps[axis]) for axis in axes], dtype)
        view = memory.transpose(np.argsort(axes))[
            tuple(slice(None, None, step) for step in steps[: len(own)])
        ]
        view[...] = arrays[name]
        arrays[name] = view
    assert_step_of_rows(case, arrays)


# Layouts


@every_dtype
@every_layout
@every_case
def test_layouts(case: Case, layout: Layout, dtype: np.dtype[Any]) -> None:
    for shape in ((7, 3), (7, 70), (1, 5), (7, 1)):
        rows = [row % shape[0] for row in (4, 0, 4, 6)]
        for odd in ("all", "grad", "param", case.states[-1] if case.states else "param"):
            layouts = {
                name: layout if odd in ("all", name) else LAYOUTS["C"]
                for name in ("param", "grad", *case.states)
            }
            views = laid_out(case, layouts, shape, dtype)
            del fill(views, case)["grad"]
            memories = {name: memory_of(view) for name, view in views.items()}
            values = {name: view.copy() for name, view in views.items()}
            before = {name: memory.copy() for name, memory in memories.items()}
            for unique in (True, False):
                named = list(dict.fromkeys(rows)) if unique else rows
                grad = random_gradient(named, shape, dtype, layout=layouts["grad"])
                assert_step_of_rows(case, views | {"grad": grad})
            for name, view in views.items():
                view[...] = values[name]
                assert memories[name].tobytes() == before[name].tobytes(), "around the array"


AXES: dict[str, Callable[[Array], Array]] = {
    "Fortran": lambda a: np.asfortranarray(a),
    "middle first": lambda a: np.ascontiguousarray(a.transpose(1, 2, 0)).transpose(2, 0, 1),
    "last reversed": lambda a: np.ascontiguousarray(a[:, :, ::-1])[:, :, ::-1],
    "inner reversed": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "inner transposed": lambda a: np.ascontiguousarray(a.swapaxes(1, 2)).swapaxes(1, 2),
    "sliced": lambda a: np.repeat(a, 3, axis=2)[:, :, ::3],
    "rows apart": lambda a: np.repeat(a, 2, axis=0)[::2],
}


@pytest.mark.parametrize("layout", AXES.values(), ids=AXES)
@pytest.mark.parametrize("odd", ["param", "grad", "state", "all"])
@every_case
def test_three_axes(case: Case, odd: str, layout: Callable[[Array], Array]) -> None:
    shape = (7, 4, 33)
    for rows in ROWS[1:]:
        arrays = with_rows(case, shape, DTYPES[0], rows)
        for name in arrays:
            if odd not in ("all", name, "state" if name in case.states else ""):
                continue
            if name == "grad":
                arrays[name] = RowGradient(arrays[name].rows, layout(arrays[name].values))
            elif arrays[name].ndim == len(shape):
                arrays[name] = layout(arrays[name])
        assert_step_of_rows(case, arrays)


def test_layouts_of_rows() -> None:
    (case,) = (case for case in ROW_CASES if case.rule == "adadelta")
    wanted = np.array([4, 0, 4, 6], np.int64)
    packed = np.zeros(4, np.dtype([("tag", "u1"), ("row", "<i8")]))
    packed["row"] = wanted
    read_only = wanted.copy()
    read_only.setflags(write=False)
    for rows in (
        np.repeat(wanted, 3)[::3],
        wanted[::-1].copy()[::-1],
        packed["row"],
        read_only,
        np.broadcast_to(np.int16(3), (4,)),
    ):
        assert_step_of_rows(case, with_rows(case, (7, 3), DTYPES[0], rows))


# Optimizers


@each_variant_that_takes_rows
def test_optimizers(name: str, options: Options) -> None:
    """Sparse and dense gradients by turns, beside parameters that get dense ones or none."""
    shapes: list[Shape] = [(7, 3), (40, 70), (5,), (4, 2, 3), ()]
    params = [
        np.asarray(np.random.default_rng(k).standard_normal(shape), DTYPES[k % 2])
        for k, shape in enumerate(shapes)
    ]
    model, optimizer = Model(name, params, **options), make(name, params, **options)
    rng = np.random.default_rng(1)
    for step in range(8):
        grads: list[Any] = random_arrays(params, seed=step)
        for k, param in enumerate(params):
            kind = rng.integers(4)
            if kind == 0:
                grads[k] = None
            elif kind > 1 and param.ndim:
                rows = rng.integers(0, len(param), rng.integers(0, 9))
                grads[k] = random_gradient(rows, param.shape, param.dtype, step)
        model.step(grads)
        optimizer.step(grads)
        model.assert_equals(optimizer)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_ftrl_by_rows_takes_the_dense_steps(dtype: np.dtype[Any]) -> None:
    by_rows, dense = np.zeros((7, 3), dtype), np.zeros((7, 3), dtype)
    optimizers = [instep.FTRL(each, lr=0.5, l1=0.5, l2=0.1) for each in (by_rows, dense)]
    for step, rows in enumerate(ROWS):
        gradient = random_gradient(rows, by_rows.shape, dtype, step)
        array = np.zeros_like(dense)
        np.add.at(array, gradient.rows, gradient.values)
        optimizers[0].step(gradient)
        optimizers[1].step(array)
        assert_same_bits(by_rows, dense, f"after step {step}")
    assert 0 < np.count_nonzero(dense) < dense.size


def test_structures() -> None:
    gradient = RowGradient(np.array([1]), np.ones((1, 2)))
    single, sequence, mapping = (np.zeros((3, 2)) for _ in range(3))
    instep.SGD(single, lr=1.0).step(gradient)
    instep.SGD([sequence, np.zeros(1)], lr=1.0).step((gradient, np.ones(1)))
    instep.SGD({"w": mapping, "b": np.zeros(1)}, lr=1.0).step({"b": None, "w": gradient})
    for param in (single, sequence, mapping):
        assert param.tolist() == [[0, 0], [-1, -1], [0, 0]]
    params, dense = [np.zeros((3, 2)), np.zeros(1)], np.ones(1)
    for module in (functional, reference):
        module.sgd_step(params, [gradient, dense], step=1, lr=1.0)
    assert params[0].tolist() == [[0, 0], [-2, -2], [0, 0]]
    assert params[1].tolist() == [-2]


def test_the_same_array_after_a_sparse_step_is_a_dense_gradient_again() -> None:
    param, dense = np.zeros((3, 2)), np.ones((3, 2))
    optimizer = instep.SGD(param, lr=1.0)
    for _ in range(2):
        optimizer.step(dense)
        optimizer.step(RowGradient(np.array([2, 2]), dense[:2]))
    assert param.tolist() == [[-2, -2], [-2, -2], [-6, -6]]


def test_a_group_added_after_a_sparse_step() -> None:
    first, second = np.zeros((3, 2)), np.zeros(2)
    gradient = RowGradient(np.array([2]), np.ones((1, 2)))
    optimizer = instep.SGD([first], lr=1.0)
    optimizer.step([gradient])
    optimizer.add_param_group({"params": second})
    optimizer.step([gradient, np.ones(2)])
    assert first.tolist() == [[0, 0], [0, 0], [-2, -2]]
    assert second.tolist() == [-1, -1]


def test_what_it_holds_is_read_at_each_step() -> None:
    param, rows, values = np.zeros((3, 1)), np.array([0]), np.ones((1, 1))
    optimizer, gradient = instep.SGD(param, lr=1.0), RowGradient(rows, values)
    optimizer.step(gradient)
    rows[0], values[0] = 2, 5.0
    optimizer.step(gradient)
    assert param.tolist() == [[-1], [0], [-5]]


# The class


def test_holds_the_arrays_themselves() -> None:
    rows, values = np.array([1, 0]), np.ones((2, 3))
    gradient = RowGradient(rows=rows, values=values)
    assert gradient.rows is rows
    assert gradient.values is values
    assert repr(gradient) == f"RowGradient({rows!r}, {values!r})"
    for name in ("rows", "values", "other"):
        with pytest.raises(AttributeError):
            setattr(gradient, name, rows)


def test_is_copied_and_pickled() -> None:
    gradient = RowGradient(np.array([1, 0]), np.ones((2, 3)))
    shallow = copy.copy(gradient)
    assert shallow.rows is gradient.rows
    protocols = range(pickle.HIGHEST_PROTOCOL + 1)
    for twin in (
        copy.deepcopy(gradient),
        *(pickle.loads(pickle.dumps(gradient, p)) for p in protocols),
    ):
        assert type(twin) is RowGradient
        assert twin.rows is not gradient.rows
        assert_same([twin.rows, twin.values], [gradient.rows, gradient.values])


# What is refused


def three(dtype: Any = np.float32) -> Array:
    return np.ones((3, 2), dtype)


BAD: dict[str, tuple[Callable[[Array], tuple[Any, Any]], type[Exception], str]] = {
    "a negative row": (lambda _: (np.array([0, -1, 9]), three()), ValueError, "4.* -1 .* 1$"),
    "a row past the end": (lambda _: (np.array([3, 0, 4]), three()), ValueError, "4.* 4 .* 2$"),
    "a very large row": (
        lambda _: (np.array([0, 1, 2**64 - 1], np.uint64), three()),
        ValueError,
        f"{2**64 - 1} at position 2",
    ),
    "a list of rows": (lambda _: ([0, 1, 2], three()), TypeError, "ndarray.*list"),
    "rows of floats": (lambda _: (np.zeros(3), three()), TypeError, "integer.*float64"),
    "a mask": (lambda _: (np.ones(3, bool), three()), TypeError, "bool.*flatnonzero"),
    "masked rows": (lambda _: (np.ma.masked_array([0, 1, 2]), three()), TypeError, "masked"),
    "rows of two axes": (lambda _: (np.zeros((3, 1), int), three()), ValueError, r"\(3, 1\)"),
    "rows of no axis": (lambda _: (np.array(1), three()), ValueError, r"\(\)"),
    "too few rows": (lambda _: (np.arange(2), three()), ValueError, r"\(2, 2\).*\(3, 2\)"),
    "values of the parameter's shape": (
        lambda _: (np.arange(2), np.ones((4, 2), np.float32)),
        ValueError,
        r"\(2, 2\).*\(4, 2\)",
    ),
    "values of one axis": (lambda _: (np.arange(3), three()[:, 0]), ValueError, r"\(3,\)"),
    "wide values": (lambda _: (np.arange(2), three().T), ValueError, r"\(2, 2\).*\(2, 3\)"),
    "another dtype": (lambda _: (np.arange(3), three(float)), TypeError, "float32.*float64"),
    "integer values": (lambda _: (np.arange(3), three(int)), TypeError, "int64"),
    "no array": (lambda _: (np.arange(1), [[1.0, 1.0]]), TypeError, "ndarray.*list"),
    "masked values": (
        lambda _: (np.arange(3), np.ma.masked_array(three())),
        TypeError,
        "masked",
    ),
    "the parameter's memory": (lambda w: (np.arange(3), w[:3]), ValueError, "share memory"),
    "rows in the parameter": (
        lambda w: (w.reshape(-1).view(np.int32)[:3], three()),
        ValueError,
        "share memory",
    ),
}


@pytest.mark.parametrize(("make_it", "error", "match"), BAD.values(), ids=BAD)
def test_what_a_step_refuses(
    make_it: Callable[[Array], tuple[Any, Any]], error: type[Exception], match: str
) -> None:
    first, w = np.zeros((4, 2), np.float32), np.zeros((4, 2), np.float32)
    good = RowGradient(np.array([3, 3]), np.ones((2, 2), np.float32))
    for name in ("w", "b"):
        optimizer = instep.Adam({"a": first, name: w})
        optimizer.step({"a": good, name: good})
        w[...] = 0
        with refused(error, f"'{name}'.*{match}", optimizer, structure=named("a" + name)):
            optimizer.step({"a": good, name: RowGradient(*make_it(w))})
    w[...] = 0
    before = w.tobytes(), first.tobytes()
    with pytest.raises(error, match=match):
        functional.sgd_step([first, w], [good, RowGradient(*make_it(w))], step=1, lr=1.0)
    assert (w.tobytes(), first.tobytes()) == before


def test_a_parameter_without_axes_has_no_rows() -> None:
    optimizer = instep.SGD(np.array(1.0))
    with refused(ValueError, "gradient: .*no rows", optimizer, structure=alone):
        optimizer.step(RowGradient(np.array([0]), np.ones(1)))


def test_a_class_that_forgets_its_arrays_is_refused() -> None:
    class Forgetful(RowGradient):
        def __init__(self) -> None:
            pass

    optimizer = instep.SGD(np.zeros(3))
    with pytest.raises(TypeError, match="__init__"):
        optimizer.step(Forgetful())


def test_a_row_gradient_is_no_structure() -> None:
    gradient = RowGradient(np.array([0]), np.ones(1))
    for params in ([np.zeros(3)], {"w": np.zeros(3)}):
        optimizer = instep.SGD(params)
        with pytest.raises(TypeError, match=r"expected a .*RowGradient"):
            optimizer.step(gradient)
        assert params_of(optimizer)[0].tolist() == [0, 0, 0]


# torch.optim


def test_torch_takes_the_same_steps() -> None:
    torch = pytest.importorskip("torch")
    for ours, theirs in (("Adam", "SparseAdam"), ("Adagrad", "Adagrad")):
        start = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
        param, tensor = start.copy(), torch.from_numpy(start.copy()).requires_grad_()
        optimizer, other = make(ours, param, lr=0.1), getattr(torch.optim, theirs)([tensor], lr=0.1)
        for step in range(20):
            rows = np.random.default_rng(step).integers(0, 50, 12)
            gradient = random_gradient(rows, param.shape, param.dtype, step)
            optimizer.step(gradient)
            tensor.grad = torch.sparse_coo_tensor(
                torch.from_numpy(rows)[None],
                torch.from_numpy(gradient.values),
                (50, 4),
                check_invariants=True,
            )
            with torch.sparse.check_sparse_tensor_invariants():
                other.step()
            np.testing.assert_allclose(param, tensor.detach().numpy(), rtol=2e-5, atol=2e-6)
