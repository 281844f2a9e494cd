"""What the formats of files have in common: arrays that come and go in pieces, and a text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from instep.parameters import Array

Describe: TypeAlias = Callable[[Mapping[str, int]], str]
"""Returns the metadata of a file, which holds the CRC-32 of the bytes of each array."""


class Stored(NamedTuple):
    """An array that is to be written."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Iterable[Array]
    """Its elements in C order, in arrays of any shape; those of a file of safetensors twice."""

    @property
    def nbytes(self) -> int:
        """How many bytes it has."""
        return math.prod(self.shape) * self.dtype.itemsize

    def in_bytes(self) -> Iterable[memoryview]:
        """Return what the file is to have of it, piece by piece."""
        for piece in self.pieces:
            yield as_bytes(piece.astype(stored_order(piece.dtype), copy=False))


class Sizes(NamedTuple):
    """What a checkpoint of an optimizer can be, in bytes."""

    metadata: int
    file: int


class Opened(NamedTuple):
    """A file whose arrays have not been read."""

    metadata: str
    names: Collection[str]
    """Of the arrays."""
    read: Callable[[str, Array, Iterable[memoryview]], None]
    """Fills one buffer after another with the array of a name, or raises ValueError.

    It is like another array in shape and dtype, and the buffers have its length together. When one
    is asked for, the one before it is full.
    """


class Format(Protocol):
    """A file format."""

    def write(self, file: IO[bytes], arrays: Mapping[str, Stored], describe: Describe) -> None:
        """Write a file."""

    def open_file(self, file: IO[bytes], most: Sizes) -> Opened:
        """Return what is in a file, or raise ValueError; allocates no more than `most`."""


def parse_json(text: str) -> Any:
    """Return what a JSON text says, or raise ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise ValueError("expected JSON of few levels, the metadata is too deep") from None
    except ValueError as error:
        raise ValueError(
            f"expected a checkpoint of instep, with JSON as metadata: {error}"
        ) from None


def as_bytes(array: Array) -> memoryview:
    """Return the memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8).data


def stored_order(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype with the order of bytes that files have."""
    return dtype.newbyteorder("<")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("expected each key once in the metadata")
    return result
