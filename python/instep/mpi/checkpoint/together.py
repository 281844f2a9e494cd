"""What one process raises in the middle of a call, raised by all."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import numpy as np

from instep.checkpoint import CheckpointError
from instep.mpi.agreement import processes
from instep.mpi.channel import Channel


class Together:
    """A ``with`` statement that all processes leave alike: what one raises, all raise.

    In it all call `check` equally often, up to the one at which they learn that a process failed.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.raised: Exception | None = None
        """What all processes raise."""

    def check(self, error: Exception | None = None) -> None:
        """Raise the same on every process where one has failed, this one by an error."""
        failed = self._channel.all_gather(np.array([error is not None]), "how far all are")[:, 0]
        if not failed.any():
            return
        told = "" if error is None else json.dumps(_told(error))
        texts = self._channel.all_gather_texts(told, "the errors")
        first = int(np.argmax(failed))
        self.raised = _as_told(json.loads(texts[first]), first)
        raise self.raised from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        if self.raised is not None:
            if error is not self.raised:
                raise self.raised from None
        elif error is None or (isinstance(error, Exception) and self._channel.is_usable):
            self.check(error)
        else:  # the others wait for this process, which leaves
            with self._channel.all_of_it():
                raise error


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, OSError) and error.errno is not None:
        filename = None if error.filename is None else str(error.filename)
        return {"errno": error.errno, "strerror": error.strerror, "filename": filename}
    if isinstance(error, CheckpointError):
        return {"damage": str(error)}
    return {"refusal": f"{type(error).__name__}: {error}"}


def _as_told(told: dict[str, Any], process: int) -> Exception:
    if "errno" in told:
        what = f"{told['strerror']}, on {processes([process])}"
        return OSError(told["errno"], what, told["filename"])
    if "damage" in told:
        return CheckpointError(told["damage"])
    return ValueError(
        f"nothing was done on any process, as {processes([process])} refused: {told['refusal']}"
    )
