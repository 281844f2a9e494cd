"""The arrays that are stepped: their types, and how their numbers lie in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DTYPES = ("float32", "float64")

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Array | list[Array]
"""What an optimizer takes as its parameters or gradients: one array or many."""


def as_list(arrays: Arrays) -> list[Array]:
    """Return one array or many as a list."""
    return arrays if isinstance(arrays, list) else [arrays]


def _rows(array: Array) -> Array:
    """Return the numbers as the left part of the rows of a wider matrix."""
    rows, columns = _matrix(array).shape
    wide = np.zeros((rows, columns + max(1, columns // 4)), array.dtype)
    wide[:, :columns] = _matrix(array)
    return wide[:, :columns]


def _every_second(array: Array) -> Array:
    """Return the numbers as every second one of wider rows."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def vector(size: int) -> tuple[int, ...]:
    """Return the shape of so many numbers on one axis."""
    return (size,)


def matrix(size: int) -> tuple[int, ...]:
    """Return that of a matrix, as near to a square as their count allows."""
    rows = _divisor(size, math.isqrt(size))
    return rows, size // rows


def table(size: int) -> tuple[int, ...]:
    """Return that of rows as embeddings are: of at most 128."""
    columns = _divisor(size, min(size, 128))
    return size // columns, columns


def _divisor(size: int, most: int) -> int:
    return next(n for n in range(most, 0, -1) if size % n == 0)


def _matrix(array: Array) -> Array:
    return array if array.ndim > 1 else array.reshape(matrix(array.size))


@dataclass(frozen=True)
class Layout:
    """How numbers, given as a contiguous array, lie in memory as a parameter or a gradient."""

    param: Callable[[Array], Array]
    grad: Callable[[Array], Array]


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "contiguous": Layout(np.copy, np.copy),
        "strided": Layout(_every_second, _every_second),
        "rows": Layout(_rows, _rows),
        # Such as a layer's weights that are kept transposed, and a gradient that is not.
        "transposed": Layout(lambda a: _matrix(a).T.copy().T, lambda a: _matrix(a).copy()),
    }
)

NUMBERS: Mapping[str, Callable[[np.dtype[Any]], float]] = MappingProxyType(
    {
        "normal": lambda _: 1.0,
        # Their squares, and so the second moments, are subnormal.
        "subnormal": lambda dtype: float(np.sqrt(np.finfo(dtype).smallest_normal)) / 16,
    }
)
"""The size of gradients, by what it makes of an optimizer's states."""
