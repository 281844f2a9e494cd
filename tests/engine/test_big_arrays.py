"""Arrays of more elements than 32 bits count: ``pytest -m big_memory``, with 10 GB free.

Elements and rows beyond 2**31 must be reached, once each, and no other in their place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import ml_dtypes
import numpy as np
import pytest

from instep import RowGradient, functional, reference
from tests.cases import Array
from tests.compare import assert_same_bits

pytestmark = pytest.mark.big_memory

SIZE = 2**31 + 4097
BLOCK = 2**24
PERIOD = 8191
"""A prime number, so that an element differs from those a power of two away."""


def blocks() -> Iterator[tuple[slice, Array]]:
    """Return, for each block of the array, which elements it has and their first values."""
    pattern = np.resize(np.arange(PERIOD, dtype=np.float32), BLOCK + PERIOD)
    for start in range(0, SIZE, BLOCK):
        stop = min(start + BLOCK, SIZE)
        yield slice(start, stop), pattern[start % PERIOD :][: stop - start]


def test_every_element_is_stepped_once() -> None:
    param = np.empty(SIZE, np.float32)
    for where, values in blocks():
        param[where] = values
    grad = np.broadcast_to(np.float32(1), param.shape)

    functional.sgd_step(param, grad, step=1, lr=0.5)
    for where, values in blocks():
        assert np.array_equal(param[where], values - np.float32(0.5)), where
    for position in (0, 1, 2**31 - 1, 2**31, 2**31 + 1, SIZE - 1):
        assert param[position] == position % PERIOD - 0.5

    # Half of the norm, all of which sums without rounding.
    functional.sgd_step(param, grad, step=1, lr=1.0, clip_norm=math.sqrt(SIZE) / 2)
    taken = np.float32(math.sqrt(SIZE) / 2 / (math.sqrt(SIZE) + 1e-6))
    for where, values in blocks():
        assert np.array_equal(param[where], values - np.float32(0.5) - taken), where


def test_rows_beyond_2_to_the_31() -> None:
    """Zeros that nothing writes take no memory: the table is large, what is touched is not."""
    shape = (SIZE, 1)
    param, total = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    rows = np.array([SIZE - 1, 0, 2**31, 2**31 - 1, 4096, 2**31 + 4096 - 1, 2**31], np.int64)
    values = np.arange(1, len(rows) + 1, dtype=np.float32)[:, np.newaxis]
    touched = np.unique(rows)
    expected_param, expected_total = (np.zeros((len(touched), 1), np.float32) for _ in range(2))
    small = RowGradient(np.searchsorted(touched, rows), values)

    for number in (1, 2):
        functional.adagrad_step(
            param, RowGradient(rows, values), total, step=number, lr=0.1, lr_decay=0.5
        )
        reference.adagrad_step(
            expected_param, small, expected_total, step=number, lr=0.1, lr_decay=0.5
        )
    assert_same_bits(param[touched], expected_param, "parameter")
    assert_same_bits(total[touched], expected_total, "sum")
    for row in touched.tolist():
        around = np.arange(max(row - 2, 0), min(row + 3, SIZE))
        others = np.setdiff1d(around, touched)
        assert not param[others].any()
        assert not total[others].any()


def test_random_bits_beyond_2_to_the_32() -> None:
    """In the middle of a row the upper half of the index becomes another."""
    half, columns = np.dtype(ml_dtypes.bfloat16), 1000
    rows = np.array([2**32 // columns, 2**32 // columns + 1, 7])
    values = np.random.default_rng(0).standard_normal((3, columns)).astype(np.float32)
    found = []
    for implementation in (functional, reference):
        param = np.zeros((2**32 // columns + 2, columns), half)
        implementation.sgd_step(
            param, RowGradient(rows, values), step=3, lr=0.37, param_rounding="stochastic"
        )
        found.append(param[rows])
    assert_same_bits(*found)
