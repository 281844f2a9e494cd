"""Fit a line on several processes, each with its own part of the data.

``mpiexec -n 4 python -m mpi4py examples/several_processes.py``
"""

import numpy as np
from mpi4py import MPI

import instep.mpi

comm = MPI.COMM_WORLD

rng = np.random.default_rng(0)
x = rng.standard_normal((1200, 20))
y = x @ np.arange(20.0) + 3.0
part = slice(comm.rank, None, comm.size)  # of equal size on 1, 2, 3, 4, ... processes
x, y = x[part], y[part]

params = {"weights": np.zeros(20), "bias": np.zeros(1)}
optimizer = instep.mpi.Sharded(instep.Adam, params, comm=comm, lr=0.3, clip_norm=50.0, timeout=60.0)
for _ in range(400):
    error = x @ params["weights"] + params["bias"] - y
    optimizer.step({"weights": 2 * x.T @ error / len(error), "bias": np.array([2 * error.mean()])})

if comm.rank == 0:
    print(f"bias {params['bias'][0]:.3f}, last weight {params['weights'][-1]:.3f}")
