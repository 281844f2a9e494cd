"""Files of checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from instep.checkpoint import npz, safetensors
from instep.checkpoint.atomic import replace_file
from instep.checkpoint.content import encode, open_content, read_arrays, read_described
from instep.checkpoint.error import CheckpointError
from instep.checkpoint.format import Stored

if TYPE_CHECKING:
    from instep.checkpoint.content import Checked, Content, Expectation, Kind, Snapshot
    from instep.checkpoint.format import Format, Opened

MISFITS = (TypeError, ValueError, KeyError)
"""What is raised where the content of a file does not fit."""

_FORMATS: dict[str, Format] = {".npz": npz, ".safetensors": safetensors}


class CheckpointFile:
    """A file by its name, whose ending is its format."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        name: Any = os.fspath(path)
        if not isinstance(name, str):
            raise TypeError(f"path: expected a str or os.PathLike of str, got {name!r}")
        suffix = Path(name).suffix.lower()
        if suffix not in _FORMATS:
            raise ValueError(
                f"path: expected a name that ends in {' or '.join(_FORMATS)}, got {name}"
            )
        self._name = name
        self._format = _FORMATS[suffix]

    def write(self, snapshot: Snapshot) -> None:
        """Do what `Optimizer.save` says."""
        metadata, arrays = encode(snapshot)
        self.write_arrays(
            metadata,
            {name: Stored(each.dtype, each.shape, [each]) for name, each in arrays.items()},
        )

    def write_arrays(self, metadata: Mapping[str, Any], arrays: Mapping[str, Stored]) -> None:
        """Write arrays with this metadata, which lacks their checksums."""

        def describe(checksums: Mapping[str, int]) -> str:
            return json.dumps({**metadata, "checksums": checksums})

        replace_file(self._name, lambda file: self._format.write(file, arrays, describe))

    def read(self, expected: Expectation, *, params: bool) -> Content:
        """Do what `Optimizer.load` says, but for what it changes."""
        with self._opened() as file:
            return read_arrays(*open_content(expected, self._format, file), params=params)

    def read_described(
        self, kind: Kind, expect: Callable[[Mapping[str, Any]], Expectation]
    ) -> Content:
        """Do what `Keyed.load` says, but for what it changes."""
        with self._opened() as file:
            return read_described(kind, expect, self._format, file)

    @contextmanager
    def reading(self, expected: Expectation) -> Iterator[tuple[Opened, Checked]]:
        """Give a file of which nothing but the arrays has been read.

        What is raised of `MISFITS` in the ``with`` statement is the error of this file.
        """
        with self._opened() as file:
            yield open_content(expected, self._format, file)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        with open(self._name, "rb") as file:  # noqa: PTH123
            try:
                yield file
            except MISFITS as error:
                raise self.refusal(error) from error

    def refusal(self, error: Exception) -> CheckpointError:
        """Return the error of content that turned out not to fit, by one of `MISFITS`."""
        return refusal(self._name, error)


def refusal(name: str, error: Exception) -> CheckpointError:
    """Return the error of a file whose content does not fit, by one of `MISFITS`."""
    # str() of a KeyError is the representation of its message.
    reason = error.args[0] if error.args else type(error).__name__
    return CheckpointError(f"{name}: {reason}")
