"""Checkpoints in the format of safetensors (https://github.com/huggingface/safetensors).

The library writes them. They are read here: it would map the whole file into memory, which ends the
process where the file gets shorter, or copy each array once more, and it parses headers of any
size up to 100 MB.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from instep.checkpoint.content import Opened, Sizes, as_bytes, parse_json

if TYPE_CHECKING:
    from instep.parameters import Array

_KEY = "instep"
_DTYPES: dict[Any, str] = {
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "I16": "int16",
}


class _Place(NamedTuple):
    dtype: str
    shape: list[int]
    begin: int
    end: int


def write(file: IO[bytes], metadata: str, arrays: Mapping[str, Array]) -> None:
    """Write a file."""
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise ImportError(
            "a .safetensors file needs the package safetensors; install with: "
            "pip install 'instep[safetensors]'"
        ) from error
    # One key: the library writes several in any order.
    text = f"{zlib.crc32(metadata.encode()):08x} {metadata}"
    file.write(save(dict(arrays), {_KEY: text}))


def open_file(file: IO[bytes], most: Sizes) -> Opened:
    """Return what is in a file, or raise ValueError."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(8)
    (length,) = struct.unpack("<Q", start.ljust(8, b"\xff"))
    # The metadata is a string in there, its quotes escaped, beside the places of the arrays.
    if length > min(3 * most.metadata, size - 8):
        raise ValueError("expected a checkpoint of instep, its header is too long or truncated")
    header = parse_json(_exactly(file, length).decode())
    try:
        checksum, _, metadata = header.pop("__metadata__")[_KEY].partition(" ")
    except (AttributeError, KeyError, TypeError):
        raise ValueError("expected a checkpoint of instep, but there is no metadata") from None
    if checksum != f"{zlib.crc32(metadata.encode()):08x}":
        raise ValueError("the checksum of the metadata is wrong, the file is damaged")
    places = {name: _place(name, entry) for name, entry in header.items()}
    end = 0
    for place in sorted(places.values(), key=lambda each: (each.begin, each.end)):
        if place.begin != end:
            raise ValueError("expected arrays that follow one another without gaps")
        end = place.end
    if size != 8 + length + end:
        raise ValueError(f"expected {8 + length + end:,} bytes, the file has {size:,}")
    return Opened(metadata, places.keys(), partial(_read, file, 8 + length, places))


def _exactly(file: IO[bytes], length: int) -> bytes:
    data = file.read(length)
    if len(data) != length:
        raise ValueError("the file is truncated")
    return data


def _place(name: str, entry: Any) -> _Place:
    try:
        begin, end = entry["data_offsets"]
        place = _Place(_DTYPES[entry["dtype"]], entry["shape"], begin, end)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{name}: expected the place of an array, got {entry!r}") from None
    if type(begin) is not int or type(end) is not int or not 0 <= begin <= end:
        raise ValueError(f"{name}: expected places from 0, got {begin!r} to {end!r}")
    return place


def _read(
    file: IO[bytes], offset: int, places: Mapping[str, _Place], name: str, array: Array
) -> None:
    place = places[name]
    if place.dtype != array.dtype.name or place.shape != list(array.shape):
        raise ValueError(f"{name}: the header says dtype {place.dtype}, shape {place.shape}")
    to = as_bytes(array)
    if place.end - place.begin != len(to):
        raise ValueError(f"{name}: expected {len(to):,} bytes, got {place.end - place.begin:,}")
    file.seek(offset + place.begin)
    at = 0
    while at < len(to):
        count = file.readinto(to[at:])  # type: ignore[attr-defined]
        if not count:
            raise ValueError("the file is truncated")
        at += count
