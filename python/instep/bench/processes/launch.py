"""Programs of several processes, started by the launcher of an MPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from instep.commandline.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

FOREIGN = ("OMPI_", "PMIX_", "PMI_", "PRTE_", "HYDRA_", "MPI_LOCAL")
"""How the variables begin by which an MPI tells a process that it has been started by one."""

SHARED_MEMORY = "shared memory"
TCP = "TCP"

TRANSPORTS: Mapping[str, Mapping[str, str]] = {
    SHARED_MEMORY: {},
    TCP: {
        # MPICH: no shared memory, and the network by libfabric, or UCX where that is there alone.
        "MPIR_CVAR_NOLOCAL": "1",
        "MPIR_CVAR_CH4_NETMOD": "ofi",
        "FI_PROVIDER": "tcp",
        "UCX_TLS": "tcp,self",
        # Open MPI.
        "OMPI_MCA_pml": "ob1",
        "OMPI_MCA_btl": "self,tcp",
        "OMPI_MCA_btl_tcp_if_include": "127.0.0.1/8",
    },
}
"""The variables by which messages between processes of one machine take a way."""


def launcher() -> list[str] | None:
    """Return the command that starts processes, of the MPI beside this Python or of the machine.

    None where there is none.
    """
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        return None
    version = subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=False, env=environment()
    )
    if "Open MPI" not in version.stdout + version.stderr:
        return [found]
    # It would refuse more processes than cores, and put all threads of a process on one core.
    return [found, "--oversubscribe", "--bind-to", "none"]


def required_launcher() -> list[str]:
    """Return the command that starts processes, or raise `CommandError`."""
    command = launcher()
    if command is None:
        raise CommandError(
            "--processes needs mpiexec, which comes with an MPI: load that of the machine, or "
            "pip install mpich"
        )
    return command


def environment(transport: str = SHARED_MEMORY, threads: int = 1) -> dict[str, str]:
    """Return the variables of a launch from any process, with so many threads for each."""
    inherited = {name: each for name, each in os.environ.items() if not name.startswith(FOREIGN)}
    # Containers run everything as root.
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {**inherited, **allowed, **TRANSPORTS[transport], "OMP_NUM_THREADS": str(threads)}


def start(processes: int, transport: str, threads: int, *arguments: str) -> None:
    """Run ``python -m mpi4py`` on `arguments` in several processes to its end."""
    ended = subprocess.run(
        [*required_launcher(), "-n", str(processes), sys.executable, "-m", "mpi4py", *arguments],
        env=environment(transport, threads),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
        errors = [line for line in said if "Error: " in line]
        raise CommandError(
            f"{processes} processes over {transport} ended with status {ended.returncode}: "
            + (errors or said or ["no word"])[0]
        )
