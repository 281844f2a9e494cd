"""Save an optimizer to a file, and load it from one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instep.checkpoint import npz, safetensors
from instep.checkpoint.atomic import replace_file
from instep.checkpoint.content import read_content, snapshot
from instep.checkpoint.error import CheckpointError

if TYPE_CHECKING:
    from instep.checkpoint.content import Format
    from instep.optimizer import Optimizer

_FORMATS: dict[str, Format] = {".npz": npz, ".safetensors": safetensors}


def save(optimizer: Optimizer, path: str | os.PathLike[str], *, params: bool) -> None:
    """Do what `Optimizer.save` says."""
    name, form = _format_of(path)
    metadata, arrays = snapshot(optimizer, params)
    replace_file(name, lambda file: form.write(file, metadata, arrays))


def load(optimizer: Optimizer, path: str | os.PathLike[str], *, params: bool) -> None:
    """Do what `Optimizer.load` says."""
    name, form = _format_of(path)
    with open(name, "rb") as file:  # noqa: PTH123
        try:
            content = read_content(optimizer, form, file, params)
            with optimizer._turn():
                optimizer._load(content.state_dict, content.params, content.skipped_steps)
        except (TypeError, ValueError, KeyError) as error:
            raise CheckpointError(f"{name}: {_reason(error)}") from error


def _format_of(path: Any) -> tuple[str, Format]:
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError(f"path: expected a str or os.PathLike of str, got {name!r}")
    suffix = Path(name).suffix.lower()
    if suffix not in _FORMATS:
        raise ValueError(f"path: expected a name that ends in {' or '.join(_FORMATS)}, got {name}")
    return name, _FORMATS[suffix]


def _reason(error: Exception) -> str:
    # str() of a KeyError is the representation of its message.
    return str(error.args[0]) if error.args else type(error).__name__
