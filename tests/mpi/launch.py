"""Programs of several processes, started as users start them."""

from __future__ import annotations

import subprocess
import sys

from instep.bench.processes.launch import environment, launcher
from tests.processes import ROOT, run_command


def launch(
    processes: int, *arguments: str, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m mpi4py`` on `arguments`, in several processes; one that hangs fails."""
    command = launcher()
    assert command is not None
    mpi4py = [sys.executable, "-m", "mpi4py", *arguments]
    variables = {**environment(), "PYTHONPATH": str(ROOT)}
    ended = run_command([*command, "-n", str(processes), *mpi4py], variables, timeout)
    # Of which the launcher gives what processes have written to the one, or to the other.
    ended.stdout += ended.stderr
    return ended
