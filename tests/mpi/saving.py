"""Run by each process of a launch: goes on from what was saved, and saves until it is killed.

With a number of steps it ends after so many.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
from mpi4py import MPI

import instep
from instep.mpi import Sharded

_SIZE = 200_000


def _gradient(step: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.full(size, step % 7 - 3, np.float32)


def _goes_on(path: Path) -> Sharded:
    """Return an optimizer that has loaded what is there, which is that of one step, whole."""
    w = np.zeros(_SIZE, np.float32)
    optimizer = Sharded(instep.SGD, w, comm=MPI.COMM_WORLD, momentum=0.5, bucket_bytes=100_000)
    with suppress(FileNotFoundError):
        optimizer.load(path, params=True)
    expected = np.zeros(1, np.float32)
    one = instep.SGD(expected, momentum=0.5)
    for step in range(optimizer.steps):
        one.step(_gradient(step, 1))
    assert (w == expected).all()
    if optimizer.steps:
        found, alone = (
            each.state_dict()["state"][0]["momentum_buffer"] for each in (optimizer, one)
        )
        assert (found == alone).all()
    return optimizer


def main(folder: Path, more: int | None) -> None:
    """Save to a file and to a folder, in turn."""
    optimizers = {folder / name: _goes_on(folder / name) for name in ("run.npz", "run")}
    saved = 0
    while more is None or saved < more:
        saved += 1
        for path, optimizer in optimizers.items():
            optimizer.step(_gradient(optimizer.steps, _SIZE))
            optimizer.save(path, params=True)
    if MPI.COMM_WORLD.rank == 0:
        print(f"saved {[optimizer.steps for optimizer in optimizers.values()]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
