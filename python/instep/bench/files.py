"""Files that are to be written once all is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.commandline.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path


def check_writable(option: str, path: Path | None) -> None:
    """Raise `CommandError` unless what an option names, if it was given, can be written."""
    if path is None:
        return
    existed = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise CommandError(f"cannot write {option} {path}: {error.strerror}") from None
    if not existed:
        path.unlink()
