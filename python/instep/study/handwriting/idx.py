"""MNIST's own file format, IDX: a short header and unsigned bytes, gzipped or not."""

from __future__ import annotations

import gzip
import math
import zlib
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instep.commandline.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

Bytes: TypeAlias = NDArray[np.uint8]

UNSIGNED_BYTE = 0x08
CLASSES = 10


def read_images(path: Path) -> Bytes:
    """Return the images in `path`: one or more, of one size that is not zero."""
    images = _read(path, "images", dimensions=3)
    if images.size == 0:
        count, height, width = images.shape
        raise CommandError(
            f"'{path}' holds {count} images of {height} by {width} pixels: nothing to train on"
        )
    return images


def read_labels(path: Path) -> Bytes:
    """Return the labels in `path`, each a digit."""
    labels = _read(path, "labels", dimensions=1)
    wrong = np.flatnonzero(labels >= CLASSES)
    if wrong.size:
        raise CommandError(
            f"'{path}': label {wrong[0]} is {labels[wrong[0]]}, expected 0 to {CLASSES - 1}; "
            "use MNIST's own file"
        )
    return labels


def _read(path: Path, content: str, *, dimensions: int) -> Bytes:
    data = _contents(path)
    if len(data) < 4 or data[:2] != b"\0\0":
        raise CommandError(f"'{path}' is not an IDX file; use MNIST's own file")
    if data[2] != UNSIGNED_BYTE:
        raise CommandError(
            f"'{path}' holds elements of IDX type 0x{data[2]:02x}, expected "
            f"0x{UNSIGNED_BYTE:02x} (unsigned byte); use MNIST's own file"
        )
    if data[3] != dimensions:
        raise CommandError(
            f"'{path}' has {data[3]} dimension(s), expected {dimensions} for {content}; "
            "use MNIST's own file"
        )
    header = 4 + 4 * dimensions
    # Python's integers: the product of a damaged header's sizes may pass 64 bits.
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, header, 4))
    expected = header + math.prod(shape)
    if len(data) < header or len(data) != expected:
        found = f"{len(data)} bytes, expected {max(header, expected)}"
        fault = "is truncated" if len(data) < max(header, expected) else "is too long"
        raise CommandError(f"'{path}' {fault} ({found}); download or copy it again")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _contents(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        # Told by content: a browser may unpack a download and leave it its name.
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CommandError(
            f"'{path}' is a damaged gzip file ({error}); download or copy it again"
        ) from error
    except OSError as error:
        raise CommandError(f"cannot read '{path}': {error.strerror}") from error
    return data
