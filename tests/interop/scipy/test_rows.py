"""RowGradient.from_scipy: a sparse matrix steps the rows that it stores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep

sparse: Any = pytest.importorskip("scipy.sparse")

every_csr = pytest.mark.parametrize("csr", [sparse.csr_array, sparse.csr_matrix])
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])

DENSE = np.array([[0, 0, 0], [1, 0, 2], [0, 0, 0], [0, -3, 0], [4, 5, 6]])


@every_csr
@every_dtype
def test_rows_that_store_anything_with_all_their_elements(csr: Any, dtype: Any) -> None:
    gradient = instep.RowGradient.from_scipy(csr(DENSE.astype(dtype)))
    assert type(gradient) is instep.RowGradient
    assert gradient.rows.tolist() == [1, 3, 4]
    assert type(gradient.values) is np.ndarray
    assert gradient.values.dtype == dtype
    assert gradient.values.tolist() == DENSE[[1, 3, 4]].tolist()


@every_csr
@every_dtype
@pytest.mark.parametrize("make", [instep.SGD, instep.Adagrad])  # by which zeros are no steps
def test_a_step_is_that_of_the_dense_gradient(csr: Any, dtype: Any, make: Any) -> None:
    table, same = (np.ones(DENSE.shape, dtype) for _ in range(2))
    matrix = csr(DENSE.astype(dtype))
    make(table, lr=0.1).step(instep.RowGradient.from_scipy(matrix))
    make(same, lr=0.1).step(matrix.toarray())
    assert table.tobytes() == same.tobytes()


def test_other_rows_are_left_alone() -> None:
    table = np.ones(DENSE.shape)
    optimizer = instep.SGD(table, lr=0.5, momentum=0.5)
    optimizer.step(np.ones(DENSE.shape))
    before = table.copy()
    optimizer.step(instep.RowGradient.from_scipy(sparse.csr_array(DENSE.astype(float))))
    assert (table == before).all(axis=1).tolist() == [True, False, True, False, False]


STORED: dict[str, tuple[Any, list[int], list[list[float]]]] = {
    # data, columns, starts of rows; the rows that are stepped, and their values
    "a zero": (([0.0, 1.0], [1, 0], [0, 1, 1, 2]), [0, 2], [[0, 0], [1, 0]]),
    "columns in any order": (([1.0, 2.0], [1, 0], [0, 2, 2, 2]), [0], [[2, 1]]),
    # In this order the ones are lost, one by one, in the sum with 2⁵³.
    "an element more than once": (
        ([1.0, 2.0**53, 1.0, -(2.0**53)], [0, 0, 0, 0], [0, 0, 4, 4]),
        [1],
        [[0, 0]],
    ),
    "nothing": (([], [], [0, 0, 0, 0]), [], []),
}


@every_csr
@pytest.mark.parametrize(("stored", "rows", "values"), STORED.values(), ids=list(STORED))
def test_what_is_stored_counts(
    csr: Any, stored: Any, rows: list[int], values: list[list[float]]
) -> None:
    matrix = csr(stored, shape=(3, 2), dtype=np.float64)
    gradient = instep.RowGradient.from_scipy(matrix)
    assert gradient.rows.tolist() == rows
    assert gradient.values.shape == (len(rows), 2)
    assert gradient.values.tolist() == values
    instep.SGD(np.zeros((3, 2))).step(gradient)


def test_a_derived_class_makes_its_own() -> None:
    class Rows(instep.RowGradient):
        pass

    assert type(Rows.from_scipy(sparse.csr_array(DENSE.astype(float)))) is Rows


def test_it_copies() -> None:
    matrix = sparse.csr_array(DENSE.astype(float))
    gradient = instep.RowGradient.from_scipy(matrix)
    matrix.data[:] = 0
    assert gradient.values.tolist() == DENSE[[1, 3, 4]].tolist()


@pytest.mark.parametrize("dtype", [np.int64, np.longdouble, np.complex128])
def test_a_step_refuses_a_dtype_that_would_lose_bits(dtype: Any) -> None:
    table = np.ones(DENSE.shape)
    with pytest.raises(TypeError, match="float64"):
        instep.SGD(table).step(instep.RowGradient.from_scipy(sparse.csr_array(DENSE.astype(dtype))))
    assert (table == 1).all()


FORMATS = ("bsr", "coo", "csc", "dia", "dok", "lil")


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("format_", FORMATS)
def test_of_other_formats_it_says_what_to_write(format_: str, kind: str) -> None:
    name = f"{format_}_{kind}"
    matrix = getattr(sparse, name)(DENSE.astype(float))
    with pytest.raises(TypeError, match=rf"got {name}; pass its \.tocsr\(\)"):
        instep.RowGradient.from_scipy(matrix)
    gradient = instep.RowGradient.from_scipy(matrix.tocsr())
    assert gradient.rows.tolist() == [1, 3, 4]


@pytest.mark.parametrize("given", [DENSE.astype(float), [[1.0]], None, 1.0])
def test_what_is_not_sparse_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="matrix: expected a csr_array or csr_matrix of scipy"):
        instep.RowGradient.from_scipy(given)


def test_of_a_vector_it_says_what_to_write() -> None:
    class Vector(sparse.csr_array):  # type: ignore[misc]
        """What `csr_array` makes of a vector from scipy 1.15 on."""

        ndim = 1

    with pytest.raises(ValueError, match=r"pass RowGradient\(vector\.indices, vector\.data\)"):
        instep.RowGradient.from_scipy(Vector(DENSE.astype(float)))
    try:
        vector = sparse.csr_array(np.array([0.0, 2.0, 0.0, 3.0]))
    except ValueError:
        return  # an older scipy
    if vector.ndim == 1:
        w = np.zeros(4)
        instep.SGD(w, lr=1).step(instep.RowGradient(vector.indices, vector.data))
        assert w.tolist() == [0, -2, 0, -3]
