"""What happens to the others when a process fails, dies or stops: run by each of a launch."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

import instep
from instep.mpi import Sharded
from instep.mpi.checkpoint.together import Together


def _made(comm: Any, *, timeout: float | None = None, **options: Any) -> tuple[Any, Sharded]:
    """Return an optimizer whose processes have begun: until then, one may be slow and yet come."""
    w = np.ones(3)
    optimizer = Sharded(instep.SGD, w, comm=comm, lr=1.0, **options)
    optimizer.step(np.zeros(3))
    optimizer._channel.timeout = timeout
    return w, optimizer


def raises_between_steps(comm: Any) -> None:
    _, optimizer = _made(comm)
    if comm.rank == 1:
        raise RuntimeError("no gradient from this process")
    optimizer.step(np.ones(3))


def dies(comm: Any) -> None:
    _, optimizer = _made(comm)
    if comm.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    optimizer.step(np.ones(3))


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _stop_before(stepped: Sequence[int]) -> None:
    _stop()


def _end(comm: Any, stopped: int) -> None:
    print("the others have gone on", flush=True)
    os.kill(stopped, signal.SIGKILL)
    comm.Abort(3)


def stops_between_steps(comm: Any) -> None:
    w, optimizer = _made(comm, timeout=1.0)
    pids = comm.allgather(os.getpid())
    if comm.rank == 1:
        _stop()
    with pytest.raises(TimeoutError, match="the calls: expected those of all 2 processes"):
        optimizer.step(np.ones(3))
    assert w.tolist() == [1.0, 1.0, 1.0]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="of no use any more: waiting for the calls"):
            optimizer.step(np.ones(3))
    _end(comm, pids[1])


def stops_before_it_reduces(comm: Any) -> None:
    w, optimizer = _made(comm, timeout=1.0, bucket_bytes=8)
    pids = comm.allgather(os.getpid())
    if comm.rank == 1:
        _stop()
    optimizer.reduce(0, np.ones(3))  # without waiting, of however many buckets
    with pytest.raises(TimeoutError, match="the calls: expected those of all 2"):
        optimizer.step()
    assert w.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(RuntimeError, match="of no use any more"):
        optimizer.reduce(0, np.ones(3))
    _end(comm, pids[1])


def stops_in_a_step(comm: Any) -> None:
    _, optimizer = _made(comm, timeout=5.0)  # in which the other is to come that far
    pids = comm.allgather(os.getpid())
    if comm.rank == 1:
        optimizer._stepping.exchange.gather_params = _stop_before  # type: ignore[method-assign]
        optimizer.step(np.ones(3))
    with pytest.raises(TimeoutError, match="the parameters: expected those of all 2"):
        optimizer.step(np.ones(3))
    with pytest.raises(RuntimeError, match="of no use any more: waiting for the parameters"):
        optimizer.step(np.ones(3))
    _end(comm, pids[1])


def stops_in_a_save(comm: Any) -> None:
    _, optimizer = _made(comm)
    pids = comm.allgather(os.getpid())
    folder = Path(comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None))
    optimizer.save(folder / "run.npz")
    old = (folder / "run.npz").read_bytes()
    optimizer.step(np.ones(3))
    optimizer._channel.timeout = 5.0
    if comm.rank == 1:
        Together.check = _stop_before  # type: ignore[assignment, method-assign]
    with pytest.raises(TimeoutError, match="how far all are: expected those of all 2"):
        optimizer.save(folder / "run.npz", params=True)
    with pytest.raises(RuntimeError, match="of no use any more: waiting for how far all are"):
        optimizer.step(np.ones(3))
    assert [path.name for path in folder.iterdir()] == ["run.npz"]
    assert (folder / "run.npz").read_bytes() == old
    shutil.rmtree(folder)
    _end(comm, pids[1])


if __name__ == "__main__":
    globals()[sys.argv[1]](MPI.COMM_WORLD)
