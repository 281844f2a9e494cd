"""Files that are replaced as a whole, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import IO

Write = Callable[[IO[bytes]], None]


def replace_file(path: str, write: Write) -> None:
    """Put what `write` writes in the place of the file `path`, or of the one that it links to.

    Whatever happens, a power failure included, `path` is either what it was or complete. The
    content is written to a new file in the same folder, ``.<name>.<random>.tmp``, which is removed
    when anything is raised; one may be left where the process is killed. The file has the
    permissions of the one that it replaces, or those that `open` would give.

    Raises OSError when the system refuses anything of this, or what `write` raises. When the folder
    cannot be flushed, the file is replaced already.
    """
    flush_folder(put_file(path, write))


def put_file(path: str, write: Write) -> str:
    """Do what `replace_file` does, but for the folder, which is returned to be flushed.

    When anything is raised, the file is not replaced.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    check_folder(folder)
    mode = _mode_of(target)
    # A name is 255 bytes at most on most file systems, and a character up to 4.
    temporary = os.path.join(folder, f".{name[:50]}.{os.urandom(6).hex()}.tmp")  # noqa: PTH118
    try:
        write_new_file(temporary, mode, write)
        os.replace(temporary, target)  # noqa: PTH105
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    return folder


def check_folder(folder: str) -> None:
    """Raise FileNotFoundError unless there is such a folder."""
    if not os.path.isdir(folder):  # noqa: PTH112
        raise FileNotFoundError(
            errno.ENOENT, "expected a folder to save into, make it first", folder
        )


def _mode_of(target: str) -> int | None:
    """Return the permissions of a file, or None where there is none yet."""
    try:
        status = os.stat(target)  # noqa: PTH116
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        # A device or a pipe would be lost.
        raise OSError(errno.EINVAL, "expected a regular file to replace", target)
    return stat.S_IMODE(status.st_mode) & 0o777


def write_new_file(path: str, mode: int | None, write: Write) -> None:
    """Write a file that does not exist, with these permissions or those that `open` gives."""
    with open(path, "xb") as file:  # noqa: PTH123
        write(file)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        os.chmod(path, mode)  # noqa: PTH101


def flush_folder(folder: str) -> None:
    """Make the new name survive a power failure, where the system can (Windows cannot)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
