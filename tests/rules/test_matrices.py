"""States with a number for each row and column of a matrix: Adafactor's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import instep
from instep import functional, reference
from tests.cases import DTYPES, FEW_CASES, Array
from tests.compare import assert_same_bits, assert_step_equals_reference

(CASE,) = (case for case in FEW_CASES if case.states == ("row_var", "col_var"))

SHAPES = (
    (1, 1),
    (1, 9000),  # columns in three blocks, of one of rows
    (300, 1),
    (64, 4096),  # the largest matrix of one block
    (65, 4096),
    (64, 4097),
    (3, 70, 5000),
    (257, 300),  # rows in more than one piece
    (2, 1025, 3),
    (512, 3, 3),  # many matrices in a piece
    (5, 7, 41, 13),
)

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


@pytest.fixture(autouse=True)
def no_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


@every_dtype
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.usefixtures("finest_grain")
def test_the_same_bits_as_the_reference(
    shape: tuple[int, ...], threads: int, dtype: np.dtype[Any]
) -> None:
    instep.set_num_threads(threads)
    arrays = CASE.random_arrays(shape, dtype)
    for number in (1, 2, 3):
        arrays["grad"] = CASE.random_arrays(shape, dtype, number)["grad"]
        assert_step_equals_reference(CASE, arrays, number)


@every_dtype
@pytest.mark.parametrize(
    "lay_out",
    [
        np.asfortranarray,
        lambda array: array.transpose(1, 2, 0).copy().transpose(2, 0, 1),
        lambda array: np.repeat(array, 2, axis=2)[:, ::-1, ::2],
    ],
    ids=["Fortran", "the batch fastest", "strided"],
)
@pytest.mark.parametrize("chosen", ["all", "param", "grad", "row_var", "col_var"])
def test_any_layout(chosen: str, lay_out: Callable[[Array], Array], dtype: np.dtype[Any]) -> None:
    arrays = CASE.random_arrays((3, 70, 150), dtype)
    views = {
        name: lay_out(array) if chosen in (name, "all") else array for name, array in arrays.items()
    }
    assert_step_equals_reference(CASE, views)


def test_many_matrices_in_one_call() -> None:
    each = [CASE.random_arrays(shape, DTYPES[1], seed) for seed, shape in enumerate(SHAPES)]
    assert_step_equals_reference(CASE, {name: [a[name] for a in each] for name in each[0]})


def test_a_batch_has_the_states_of_its_matrices() -> None:
    batch = CASE.random_arrays((3, 70, 20), DTYPES[1])
    each = [{name: array[k].copy() for name, array in batch.items()} for k in range(3)]
    CASE.step(functional, batch)
    for k, arrays in enumerate(each):
        CASE.step(functional, arrays)
        for name in CASE.states:
            assert_same_bits(arrays[name], batch[name][k], name)


@pytest.mark.parametrize("module", [functional, reference], ids=["functional", "reference"])
def test_squares_of_rank_one_are_divided_by_their_roots(module: Any) -> None:
    rng = np.random.default_rng(0)
    sizes = rng.uniform(0.1, 10.0, (80, 1)) * rng.uniform(0.1, 10.0, (1, 30))
    signs = rng.choice([-1.0, 1.0], sizes.shape)
    w = np.zeros_like(sizes)
    rows, columns = np.zeros((80, 1)), np.zeros((1, 30))
    module.adafactor_step(w, sizes * signs, rows, columns, step=1, lr=0.5, eps2=0.25)
    np.testing.assert_allclose(w, -0.125 * signs, rtol=1e-14)
    np.testing.assert_allclose(rows, np.mean(sizes**2, axis=1, keepdims=True), rtol=1e-14)
    np.testing.assert_allclose(columns, np.mean(sizes**2, axis=0, keepdims=True), rtol=1e-14)


def test_gradients_below_eps_are_divided_by_it() -> None:
    w = np.zeros((2, 3))
    gradient = np.full((2, 3), 1e-6)
    gradient[1] = 0.0
    rows, columns = np.zeros((2, 1)), np.zeros((1, 3))
    functional.adafactor_step(w, gradient, rows, columns, step=1, lr=1.0, eps1=1e-3, eps2=1.0)
    np.testing.assert_allclose(w[0], -1e-6 / 1e-3)
    assert (w[1] == 0.0).all()


def test_a_nan_reaches_the_whole_matrix() -> None:
    arrays = CASE.random_arrays((80, 30), DTYPES[1])
    arrays["grad"][3, 4] = np.nan
    assert_step_equals_reference(CASE, arrays)
    assert np.isnan(arrays["param"]).all()


def refused(error: type[Exception], match: str, shape: tuple[int, ...], **states: Any) -> None:
    w, gradient = np.ones(shape), np.ones(shape)
    with pytest.raises(error, match=match):
        functional.adafactor_step(w, gradient, step=1, **states)
    assert (w == 1.0).all()
    assert all((state == 0.0).all() for state in states.values())


@pytest.mark.parametrize(
    ("shape", "states", "error", "match"),
    [
        ((2, 3), {"row_var": (2, 1)}, TypeError, r"col_var: expected a numpy.ndarray .* got None"),
        ((3,), {}, TypeError, r"variance: expected a numpy.ndarray .* shape \(3,\), got None"),
        ((3,), {"row_var": (3, 1)}, TypeError, r"row_var: expected None .* got an array"),
        (
            (2, 3),
            {"row_var": (2, 1), "col_var": (1, 3), "variance": (2, 3)},
            TypeError,
            r"variance: expected None for a parameter of two axes or more",
        ),
        (
            (2, 3),
            {"row_var": (2,), "col_var": (1, 3)},
            ValueError,
            r"row_var: expected shape \(2, 1\), .* row .* \(2, 3\), got \(2,\)",
        ),
        (
            (4, 2, 3),
            {"row_var": (4, 2, 1), "col_var": (1, 3)},
            ValueError,
            r"col_var: expected shape \(4, 1, 3\), .* column .* \(4, 2, 3\), got \(1, 3\)",
        ),
    ],
)
def test_states_that_are_refused(
    shape: tuple[int, ...],
    states: dict[str, tuple[int, ...]],
    error: type[Exception],
    match: str,
) -> None:
    refused(error, match, shape, **{name: np.zeros(each) for name, each in states.items()})


def test_states_of_a_matrix_are_of_the_working_type() -> None:
    narrow = np.zeros((2, 1), np.float16)
    w = np.ones((2, 3), np.float32)
    with pytest.raises(TypeError, match="row_var: expected dtype float32"):
        functional.adafactor_step(w, w.copy(), narrow, np.zeros((1, 3), np.float32), step=1)
