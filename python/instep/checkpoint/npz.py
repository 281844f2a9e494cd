"""Checkpoints as NumPy's archives: `numpy.load` shows the arrays. Never compressed nor pickled.

Those of bfloat16, of which NumPy's format knows no more than the size, are raw bytes there, ``V2``:
``.view(ml_dtypes.bfloat16)`` shows them.
"""

from __future__ import annotations

import errno
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from instep.checkpoint.format import Describe, Opened, Sizes, Stored, stored_order

if TYPE_CHECKING:
    from instep.parameters import Array

_METADATA = "metadata.json"
_SUFFIX = ".npy"
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<>|=](?:f[248]|i2|V2))', 'fortran_order': (True|False), "
    rb"'shape': \(([0-9, ]*)\), \} *\n"
)
_CHUNK = 2**20


def write(file: IO[bytes], arrays: Mapping[str, Stored], describe: Describe) -> None:
    """Write a file; each piece of an array once."""
    archive = zipfile.ZipFile(file, "w")
    checksums = {}
    try:
        for name, stored in arrays.items():
            info = zipfile.ZipInfo(name + _SUFFIX)
            info.file_size = stored.nbytes  # whether it needs large numbers
            header = {
                "descr": _shown(stored.dtype).str,
                "fortran_order": False,
                "shape": stored.shape,
            }
            with archive.open(info, "w") as member:
                np.lib.format.write_array_header_1_0(member, header)
                checksums[name] = 0
                for piece in stored.in_bytes():
                    checksums[name] = zlib.crc32(piece, checksums[name])
                    member.write(piece)
        # The last, as only now the checksums are known; readers find it by the table at the end.
        with archive.open(zipfile.ZipInfo(_METADATA), "w") as member:
            member.write(describe(checksums).encode())
        archive.close()
    except BaseException:
        archive.fp = None  # or it would write its end to a file that is given up
        raise


def open_file(file: IO[bytes], most: Sizes) -> Opened:
    """Return what is in a file, or raise ValueError."""
    size = file.seek(0, 2)
    if size > most.file:  # the table of contents is read as a whole
        raise ValueError(
            f"the file has {size:,} bytes, a checkpoint of this optimizer at most {most.file:,}"
        )
    with _damage_refused():
        archive = zipfile.ZipFile(file)
    members = {info.filename: info for info in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise ValueError("expected each member of the archive once")
    if _METADATA not in members:
        raise ValueError(f"expected a checkpoint of instep, but there is no {_METADATA}")
    for name, info in members.items():
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise ValueError(f"expected members that are not compressed, {name} is")
    text = members.pop(_METADATA)
    if text.file_size > most.metadata:
        raise ValueError(
            f"the metadata has {text.file_size:,} bytes, that of this optimizer at most "
            f"{most.metadata:,}"
        )
    with _damage_refused():
        metadata = archive.read(text).decode()
    odd = sorted(name for name in members if not name.endswith(_SUFFIX))
    if odd:
        raise ValueError(f"expected arrays alone beside {_METADATA}, got {odd}")
    return Opened(
        metadata,
        [name.removesuffix(_SUFFIX) for name in members],
        partial(_read, archive),
    )


def _read(archive: zipfile.ZipFile, name: str, like: Array, buffers: Iterable[memoryview]) -> None:
    with _damage_refused(), archive.open(name + _SUFFIX) as member:
        start = member.read(len(_MAGIC) + 2)
        if start[:-2] != _MAGIC:
            raise ValueError("it is not an array")
        (length,) = struct.unpack("<H", start[-2:])
        header = _HEADER.fullmatch(member.read(length))
        if header is None:
            raise ValueError("its header is not that of an array of numbers")
        shape = tuple(int(each) for each in header[3].split(b",") if each.strip())
        found = (header[1].decode(), header[2] == b"True", shape)
        if found != (_shown(like.dtype).str, False, like.shape):
            raise ValueError(f"its header says {found}")
        for to in buffers:
            at = 0
            while at < len(to):
                piece = member.read(min(_CHUNK, len(to) - at))
                if not piece:
                    raise ValueError("it is truncated")
                to[at : at + len(piece)] = piece
                at += len(piece)
        if member.read(1):  # its end, where the archive's own checksum is compared
            raise ValueError("it is too long")


def _shown(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype as the format knows it."""
    return np.dtype("V2") if dtype.kind == "V" else stored_order(dtype)


@contextmanager
def _damage_refused() -> Iterator[None]:
    """Turn whatever zipfile raises for a file that is no good archive into ValueError."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if "can't allocate" in str(error):  # a lock, for which Python raises RuntimeError
            raise MemoryError(str(error)) from error
        cause = error if isinstance(error, OSError) else error.__context__
        # To seek before the start is the file's fault, the rest the system's.
        if isinstance(cause, OSError) and cause.errno != errno.EINVAL:
            raise cause from None
        raise ValueError(f"the archive is damaged: {error}") from error
