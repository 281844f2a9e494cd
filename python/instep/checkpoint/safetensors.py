"""Checkpoints in the format of safetensors (https://github.com/huggingface/safetensors).

They are written and read here, without the library, which would copy each array once more, or map
the whole file into memory, which ends the process where the file gets shorter, and parses headers
of any size up to 100 MB.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from instep.checkpoint.format import Describe, Opened, Sizes, Stored, parse_json

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
_LETTERS = {name: letters for letters, name in _DTYPES.items()}


class _Place(NamedTuple):
    dtype: str
    shape: list[int]
    begin: int
    end: int


def write(file: IO[bytes], arrays: Mapping[str, Stored], describe: Describe) -> None:
    """Write a file; each piece of an array is asked for twice, as the checksums come first."""
    checksums = {}
    for name, stored in arrays.items():
        checksums[name] = 0
        for piece in stored.in_bytes():
            checksums[name] = zlib.crc32(piece, checksums[name])
    metadata = describe(checksums)
    text = f"{zlib.crc32(metadata.encode()):08x} {metadata}"
    header: dict[str, Any] = {"__metadata__": {_KEY: text}}
    # The wider ones first, so that each lies at a multiple of its item's size.
    ordered = sorted(arrays, key=lambda name: -arrays[name].dtype.itemsize)
    end = 0
    for name in ordered:
        stored = arrays[name]
        places = [end, end := end + stored.nbytes]
        dtype = _LETTERS[stored.dtype.name]
        header[name] = {"dtype": dtype, "shape": stored.shape, "data_offsets": places}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    file.write(struct.pack("<Q", len(encoded)))
    file.write(encoded)
    for name in ordered:
        for piece in arrays[name].in_bytes():
            file.write(piece)


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
    file: IO[bytes],
    offset: int,
    places: Mapping[str, _Place],
    name: str,
    like: Array,
    buffers: Iterable[memoryview],
) -> None:
    place = places[name]
    if place.dtype != like.dtype.name or place.shape != list(like.shape):
        raise ValueError(f"{name}: the header says dtype {place.dtype}, shape {place.shape}")
    if place.end - place.begin != like.nbytes:
        raise ValueError(f"{name}: expected {like.nbytes:,} bytes, got {place.end - place.begin:,}")
    file.seek(offset + place.begin)
    for to in buffers:
        at = 0
        while at < len(to):
            count = file.readinto(to[at:])  # type: ignore[attr-defined]
            if not count:
                raise ValueError("the file is truncated")
            at += count
