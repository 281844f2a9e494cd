"""Arrays that may be passed or not, for what they are in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tests.cases import Array


def f32(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array


def overlapping_itself() -> Array:
    return as_strided(f32(8), shape=(3, 4), strides=(8, 4))


def writeable_broadcast() -> Array:
    return as_strided(f32(1), shape=(4,), strides=(0,))


def two_views(first: Any, second: Any) -> list[Array]:
    memory = f32(8)
    return [memory[first], memory[second]]


def masked(*shape: int) -> Any:
    return np.ma.masked_array(f32(*shape), mask=False)


def overlapping() -> tuple[Array, Array]:
    memory = np.zeros(6, np.float32)
    return memory[:4], memory[2:]


def misaligned() -> Array:
    return np.zeros(13, np.uint8)[1:].view(np.float32)


class Weights(np.ndarray[Any, np.dtype[Any]]):
    """A subclass of ndarray."""
