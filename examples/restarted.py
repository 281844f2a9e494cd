"""Fit a matrix on several processes, and go on from the last checkpoint when started again.

``until mpiexec -n 4 python -m mpi4py examples/restarted.py; do :; done``

The bits are the same however often it is started, each time on 1, 2 or 4 processes. For that the
gradients of each quarter of a batch are rounded to multiples of a power of two: sums of them are
then exact, in any order, and so are the factors 1/2 and 1/4 by which sums become means.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

import instep.mpi

Array = NDArray[np.float64]

QUARTERS, STEPS, EVERY = 4, 300, 5
GRID = 2.0**-30


def gradients(params: Mapping[str, Array], x: Array, y: Array) -> dict[str, Array]:
    """Return those of the mean squared error, on the grid."""
    error = x @ params["matrix"] + params["bias"] - y
    exact = {"matrix": 2 * x.T @ error / len(error), "bias": 2 * error.mean(axis=0)}
    return {name: np.round(grad / GRID) * GRID for name, grad in exact.items()}


def main(path: str) -> None:
    """Train, or go on with it, and save every few steps."""
    comm = MPI.COMM_WORLD
    if comm.size not in (1, 2, QUARTERS):
        raise SystemExit(f"expected 1, 2 or {QUARTERS} processes, got {comm.size}")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 64))
    y = x @ rng.standard_normal((64, 256)) + 3.0

    params = {"matrix": np.zeros((64, 256)), "bias": np.zeros(256)}
    optimizer = instep.mpi.Sharded(instep.Adam, params, comm=comm, lr=0.05, timeout=60.0)
    with suppress(FileNotFoundError):  # at the first start
        optimizer.load(path, params=True)
    while optimizer.steps < STEPS:
        # What is drawn depends on the step alone: a start anew draws the same.
        batch = np.random.default_rng([1, optimizer.steps]).permutation(len(x))[:256]
        own = np.split(batch, QUARTERS)[comm.rank :: comm.size]
        each = [gradients(params, x[quarter], y[quarter]) for quarter in own]
        optimizer.step({name: np.mean([grads[name] for grads in each], axis=0) for name in params})
        if optimizer.steps % EVERY == 0:
            optimizer.save(path, params=True)
    if comm.rank == 0:
        print(f"after {optimizer.steps} steps, mean bias {params['bias'].mean():.6f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "restarted.npz")
