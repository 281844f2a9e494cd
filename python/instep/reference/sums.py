"""Sums whose bits depend on neither layouts, threads nor instruction sets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096
LANES = 16
BLOCK_OF_ROWS = 64


def sums_of_squares(rows: NDArray[Any], rescale: float = 1.0) -> NDArray[np.float64]:
    """Return for each row the sum of the squares of its elements, `rescale` times each.

    In blocks of 4,096 elements, which are added in pairs.
    """
    return sums_in_pairs(sums_of_squares_of_blocks(rows, rescale))


def sums_of_squares_of_blocks(rows: NDArray[Any], rescale: float = 1.0) -> NDArray[np.float64]:
    """Return for each row the sum of the squares of each block of 4,096 of its elements.

    `rescale` times each element. In a block, element i is added to lane i modulo 16, and lanes are
    added in pairs.
    """
    count, length = rows.shape
    elements = rows.astype(np.float64) * rescale
    # Zeros at the end add nothing: of a short row, there are as many as fill the lanes.
    turns = min(BLOCK // LANES, -(-max(length, 1) // LANES))
    blocks = np.zeros((count, -(-length // BLOCK), turns, LANES))
    blocks.reshape(count, -1)[:, :length] = elements * elements
    lanes = np.zeros((*blocks.shape[:2], LANES))
    for turn in range(turns):
        lanes = lanes + blocks[:, :, turn]
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = lanes[..., :half] + lanes[..., half:]
    sums: NDArray[np.float64] = lanes[..., 0]
    return sums


def mean_of_squares_of_rows(array: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of the squares for each index of the first axis, rounded to the array's type.

    An array without axes is one row.
    """
    rows = array.reshape(array.shape[0] if array.ndim else 1, -1)
    means = sums_of_squares(rows) / rows.shape[1]
    return means.reshape(array.shape[:1]).astype(array.dtype)


def means_of_squares(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the means of squares over the last axis and over the one before it.

    Those axes stay, with a length of 1. Rounded to the array's type.
    """
    *batches, rows, columns = array.shape
    of_rows = sums_of_squares(array.reshape(-1, columns)) / columns
    of_columns = _sums_of_squares_of_columns(array.reshape(-1, rows, columns)) / rows
    return (
        of_rows.reshape(*batches, rows, 1).astype(array.dtype),
        of_columns.reshape(*batches, 1, columns).astype(array.dtype),
    )


def _sums_of_squares_of_columns(matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Return for each matrix the sums over its rows.

    In blocks of 64 rows one after another, and the blocks in pairs.
    """
    count, rows, columns = matrices.shape
    turns = min(BLOCK_OF_ROWS, rows)
    blocks = np.zeros((count, -(-rows // BLOCK_OF_ROWS), turns, columns))
    blocks.reshape(count, -1, columns)[:, :rows] = matrices.astype(np.float64) ** 2
    sums = np.zeros((count, blocks.shape[1], columns))
    for turn in range(turns):
        sums = sums + blocks[:, :, turn]
    return sums_in_pairs(np.moveaxis(sums, 1, -1))


def means_in_pairs(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the means over the axis before the last, which stays with a length of 1.

    Neighbours are added first, then neighbours of that. Rounded to the array's type.
    """
    sums = sums_in_pairs(np.moveaxis(rows.astype(np.float64), -2, -1))[..., np.newaxis, :]
    means: NDArray[Any] = (sums / rows.shape[-2]).astype(rows.dtype)
    return means


def sums_in_pairs(terms: NDArray[Any]) -> NDArray[np.float64]:
    """Add neighbours on the last axis, then neighbours of that; one that is left over goes on."""
    if terms.shape[-1] == 0:
        return np.zeros(terms.shape[:-1])
    while terms.shape[-1] > 1:
        pairs = terms.shape[-1] // 2 * 2
        terms = np.concatenate(
            [terms[..., 0:pairs:2] + terms[..., 1:pairs:2], terms[..., pairs:]], axis=-1
        )
    return terms[..., 0]
