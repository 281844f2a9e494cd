"""MPI, as mpi4py has it, or what to install."""

from __future__ import annotations

from typing import Any


def _load() -> Any:
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "mpi4py":
            raise ImportError(
                "instep.mpi needs the package mpi4py, pip install 'instep[mpi]', and an MPI: that "
                "of the machine, or pip install mpich"
            ) from error
        raise ImportError(
            f"instep.mpi needs an MPI that mpi4py can use, and found none ({error}): load that of "
            "the machine, or pip install mpich; an mpi4py that was built for another MPI is built "
            "anew with pip install --force-reinstall --no-binary mpi4py mpi4py"
        ) from error
    return MPI


MPI = _load()


def check_communicator(comm: Any) -> None:
    """Raise TypeError or RuntimeError where optimizers cannot meet over a communicator."""
    if not isinstance(comm, MPI.Intracomm) or comm == MPI.COMM_NULL:
        raise TypeError(
            f"comm: expected an intracommunicator of mpi4py, such as MPI.COMM_WORLD, got {comm!r}"
        )
    if not MPI.Is_initialized() or MPI.Is_finalized():
        raise RuntimeError("MPI: expected it initialized and not finalized; call MPI.Init() first")
    if MPI.Query_thread() == MPI.THREAD_SINGLE:
        raise RuntimeError(
            "MPI: expected a thread level of at least 'funneled', as steps have threads, got "
            "'single'; leave mpi4py.rc.thread_level as it is, or set it before MPI is imported"
        )
