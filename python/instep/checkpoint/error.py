"""The one error of files that cannot be loaded."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A file is no checkpoint that this optimizer can load.

    It is damaged, something else, of a newer version of the format, or of another optimizer; the
    message names the file and says what is wrong. What the system refuses (there is no such file,
    it may not be read) is an OSError instead.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np, instep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "run.npz")
    ...     np.savez(path, w=np.ones(3))
    ...     try:
    ...         instep.Adam(np.ones(3)).load(path)
    ...     except instep.CheckpointError as error:
    ...         print(str(error).removeprefix(f"{path}: "))
    expected a checkpoint of instep, but there is no metadata.json
    """
