"""Files that are well-formed, checksums and all, but say what the test wants."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tests.cases import Array

Metadata: TypeAlias = dict[str, Any]
Arrays: TypeAlias = dict[str, Array]


def parts(path: Path) -> tuple[Metadata, Arrays]:
    """Return what an archive that was saved holds."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "metadata.json"}
        return json.loads(archive["metadata.json"]), arrays


def npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def write_archive(path: Path, members: list[tuple[str, bytes]], **options: Any) -> None:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, options.get("compression"))


def tensor(array: Array) -> tuple[str, list[int], bytes]:
    letters = {"f": "F", "i": "I", "V": "BF"}[array.dtype.kind]  # raw bytes are bfloat16
    return f"{letters}{8 * array.itemsize}", list(array.shape), array.tobytes()


def header(arrays: Arrays, metadata: str) -> tuple[dict[str, Any], bytes]:
    """Return the header and the data of a safetensors file."""
    entries: dict[str, Any] = {"__metadata__": {"instep": checked(metadata)}}
    data = b""
    for name, array in arrays.items():
        dtype, shape, content = tensor(array)
        places = [len(data), len(data) + len(content)]
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": places}
        data += content
    return entries, data


def checked(metadata: str) -> str:
    return f"{zlib.crc32(metadata.encode()):08x} {metadata}"


def write_tensors(path: Path, entries: Any, data: bytes) -> None:
    text = (entries if isinstance(entries, str) else json.dumps(entries)).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def forge(path: Path, saved: Path, change: Callable[[Metadata, Arrays], Any]) -> None:
    """Write what an archive holds after a change; a text that it returns is the metadata."""
    metadata, arrays = parts(saved)
    changed = change(metadata, arrays)
    text = changed if isinstance(changed, str) else json.dumps(metadata)
    if path.suffix == ".npz":
        members = [("metadata.json", text.encode())]
        members += [(f"{name}.npy", npy(array)) for name, array in arrays.items()]
        write_archive(path, members)
    else:
        write_tensors(path, *header(arrays, text))
