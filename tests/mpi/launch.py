"""Programs of several processes, started as users start them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, run_command

FOREIGN = ("OMPI_", "PMIX_", "PMI_", "PRTE_", "HYDRA_", "MPI_LOCAL")
"""How the variables begin by which an MPI tells a process that it has been started by one."""


def launcher() -> list[str] | None:
    """Return the command that starts processes, of the MPI beside this Python or of the machine."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        return None
    version = subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=False, env=_environment()
    )
    more = ["--oversubscribe"] if "Open MPI" in version.stdout + version.stderr else []
    return [found, *more]


def launch(
    processes: int, *arguments: str, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m mpi4py`` on `arguments`, in several processes; one that hangs fails."""
    command = launcher()
    assert command is not None
    mpi4py = [sys.executable, "-m", "mpi4py", *arguments]
    ended = run_command([*command, "-n", str(processes), *mpi4py], _environment(), timeout)
    # Of which the launcher gives what processes have written to the one, or to the other.
    ended.stdout += ended.stderr
    return ended


def _environment() -> dict[str, str]:
    inherited = {name: each for name, each in os.environ.items() if not name.startswith(FOREIGN)}
    # Containers run tests as root, and processes that share cores have one thread each.
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {**inherited, **allowed, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
