"""Optimizers whose states are shared out among processes, over MPI; needs the package mpi4py.

Not imported by ``import instep``.
"""

from instep.mpi.plan import Plan
from instep.mpi.sharded import Sharded

__all__ = ["Plan", "Sharded"]
