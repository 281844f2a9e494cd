"""Checkpoints in a folder: a file of each process with its share, and an index.

The index, ``index.json``, is a JSON object:

``format``, ``version``
    ``"instep checkpoint in parts"`` and the version of the format.
``save``
    Twelve hexadecimal digits, by which the files of this save are told from others.
``parts``
    The names of the files, ``<save>-<process>.safetensors``.
``arrays``
    For the name of each array of the checkpoint the runs of its elements in C order, one after
    another: ``[part, first, end]``, the position in ``parts`` of the file that holds it, and the
    elements. None for an array without elements.
``checkpoint``
    The metadata of `instep.checkpoint.content`, without checksums.
``checksum``
    The CRC-32 of the JSON text of all that without it.

A part is a file of safetensors with runs as arrays of one axis, by the names of the arrays that
they are of. Its metadata, a CRC-32 and JSON as in a checkpoint of one file, has ``save`` and
``checksums``.

The files of a save are written first, and replace nothing; then the index of the former is replaced
in one moment, and last the former's files are removed.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any, NamedTuple

import numpy as np

from instep.checkpoint import CheckpointError, safetensors
from instep.checkpoint.atomic import check_folder, flush_folder, put_file, write_new_file
from instep.checkpoint.content import Checked, Expectation, read_array, sizes
from instep.checkpoint.files import MISFITS, refusal
from instep.checkpoint.format import Sizes, Stored, parse_json
from instep.numbers import check_count
from instep.parameters import everywhere
from instep.state_dict import as_mapping

FORMAT = "instep checkpoint in parts"
VERSION = 1
INDEX = "index.json"

_PART = re.compile(r"([0-9a-f]{12})-(0|[1-9][0-9]{0,9})\.safetensors")
_LEFT = re.compile(rf"\.{re.escape(INDEX)}\.[0-9a-f]{{12}}\.tmp")


class Run(NamedTuple):
    """Elements of an array that stand in one file."""

    part: int
    first: int
    end: int


class Index(NamedTuple):
    """What an index says."""

    save: str
    parts: list[str]
    runs: dict[str, list[Run]]
    """Of the arrays, by their names."""
    metadata: Mapping[str, Any]


class Folder:
    """A folder by its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def make(self) -> None:
        """Make the folder in one that exists, unless it is there."""
        parent = os.path.dirname(os.path.realpath(self._name))  # noqa: PTH120
        check_folder(parent)
        os.makedirs(self._name, exist_ok=True)  # noqa: PTH103
        flush_folder(parent)

    def write_part(self, save: str, process: int, arrays: Mapping[str, Stored]) -> None:
        """Write the file of a process, or raise OSError and leave none."""

        def describe(checksums: Mapping[str, int]) -> str:
            return json.dumps({"save": save, "checksums": checksums})

        try:
            write_new_file(
                self._path(part_name(save, process)),
                None,
                lambda file: safetensors.write(file, arrays, describe),
            )
            flush_folder(self._name)
        except BaseException:
            self.remove_part(save, process)
            raise

    def remove_part(self, save: str, process: int) -> None:
        """Remove the file of a process, of a save that has come to nothing."""
        with suppress(FileNotFoundError):
            os.unlink(self._path(part_name(save, process)))  # noqa: PTH108

    def replace_index(self, index: Index) -> None:
        """Put an index in the place of the former, or raise OSError and leave that."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "save": index.save,
            "parts": index.parts,
            "arrays": index.runs,
            "checkpoint": index.metadata,
        }
        text = json.dumps({**content, "checksum": _checksum(content)}).encode()

        def write(file: IO[bytes]) -> None:
            file.write(text)

        put_file(self._path(INDEX), write)

    def flush(self) -> None:
        """Make the index survive a power failure, or raise OSError."""
        flush_folder(self._name)

    def remove_others(self, save: str) -> None:
        """Remove the files of other saves than this one, also those that were never finished."""
        for name in os.listdir(self._name):  # noqa: PTH208
            part = _PART.fullmatch(name)
            if (part and part[1] != save) or _LEFT.fullmatch(name):
                with suppress(OSError):
                    os.unlink(self._path(name))  # noqa: PTH108

    def read_index(self, expected: Expectation) -> str:
        """Return the text of the index, or raise OSError or CheckpointError."""
        try:
            with open(self._path(INDEX), "rb") as file:  # noqa: PTH123
                size, most = file.seek(0, 2), sizes(expected).file
                if size > most:
                    raise ValueError(
                        f"the index has {size:,} bytes, that of this optimizer at most {most:,}"
                    )
                file.seek(0)
                return file.read().decode()
        except MISFITS as error:
            raise self.refusal(error) from error

    def read(
        self,
        index: Index,
        checked: Checked,
        wanted: Mapping[str, tuple[range, memoryview]],
        bucket_bytes: int,
    ) -> None:
        """Fill memory with elements of arrays, by their names, or raise OSError or CheckpointError.

        What is in a run with some of them is read as a whole, as it has one checksum.
        """
        by_part: dict[int, list[tuple[str, Run]]] = {}
        for name, (share, _) in wanted.items():
            for run in index.runs[name]:
                if max(run.first, share.start) < min(run.end, share.stop):
                    by_part.setdefault(run.part, []).append((name, run))
        for number, runs in by_part.items():
            path = self._path(index.parts[number])
            with _opened_part(path) as file:
                try:
                    size = file.seek(0, 2)
                    opened = safetensors.open_file(file, Sizes(size, size))
                    metadata = as_mapping(parse_json(opened.metadata), "metadata")
                    if metadata.get("save") != index.save:
                        raise ValueError(f"expected a file of the save {index.save}")
                    for name, run in runs:
                        like = everywhere(0.0, (run.end - run.first,), checked.arrays[name].dtype)
                        part = checked._replace(metadata=metadata, arrays={name: like})
                        buffers = _buffers(run, *wanted[name], like.itemsize, bucket_bytes)
                        read_array(opened, part, name, buffers)
                except MISFITS as error:
                    raise refusal(path, error) from error

    def refusal(self, error: Exception) -> CheckpointError:
        """Return the error of an index that turned out not to fit, by one of `MISFITS`."""
        return refusal(self._path(INDEX), error)

    def _path(self, name: str) -> str:
        return os.path.join(self._name, name)  # noqa: PTH118


def _opened_part(path: str) -> IO[bytes]:
    try:
        return open(path, "rb")  # noqa: PTH123
    except FileNotFoundError as error:
        # Not that error, by which programs know that they start for the first time.
        reason = f"there is no such file, of which {INDEX} says that it is a part"
        raise CheckpointError(f"{path}: {reason}") from error


def part_name(save: str, process: int) -> str:
    """Return the name of the file of a process."""
    return f"{save}-{process}.safetensors"


def parse_index(text: str) -> Index:
    """Return what an index says, or raise TypeError, ValueError or KeyError."""
    content = dict(as_mapping(parse_json(text), "index"))
    if content.get("format") != FORMAT:
        raise ValueError(f"expected an index of a checkpoint, got {content.get('format')!r}")
    version = check_count("version", content.get("version"))
    if version > VERSION:
        raise ValueError(
            f"the index has version {version} of the format, this instep reads up to version "
            f"{VERSION}; install a newer one"
        )
    checksum = content.pop("checksum", None)
    if checksum != _checksum(content):
        raise ValueError("the checksum of the index is wrong, the file is damaged")
    parts = content["parts"]
    for name in parts:
        if not isinstance(name, str) or not _PART.fullmatch(name):
            raise ValueError(f"parts: expected names of files of a save, got {name!r}")
    runs = {
        name: [Run(*each) for each in found]
        for name, found in as_mapping(content["arrays"], "arrays").items()
    }
    return Index(content["save"], parts, runs, content["checkpoint"])


def check_runs(index: Index, checked: Checked) -> None:
    """Raise ValueError unless all elements of all arrays stand somewhere, once."""
    for name, like in checked.arrays.items():
        end = 0
        for run in index.runs[name]:
            fits = all(type(each) is int for each in run) and run.first == end < run.end
            if not fits or not 0 <= run.part < len(index.parts):
                raise ValueError(f"{name}: expected runs one after another, got {run}")
            end = run.end
        if end != like.size:
            raise ValueError(f"{name}: expected runs of {like.size:,} elements, got {end:,}")


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content).encode())


def _buffers(
    run: Run, share: range, memory: memoryview, itemsize: int, most: int
) -> Iterator[memoryview]:
    """Return where the elements of a run go: those of the share to its memory, others nowhere."""
    spare = np.empty(most, np.uint8).data
    at = run.first
    while at < run.end:
        if share.start <= at < share.stop:
            end = min(run.end, share.stop)
            first = share.start
            yield memory[(at - first) * itemsize : (end - first) * itemsize]
        else:
            end = min(share.start if at < share.start else run.end, run.end, at + most // itemsize)
            yield spare[: (end - at) * itemsize]
        at = end
