"""Programs of several processes, started as users start them."""

from __future__ import annotations

import subprocess
import sys

import instep.bench.processes.launch as launching
from tests.processes import ROOT, run_command


def launch(
    processes: int, *arguments: str, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m mpi4py`` on `arguments`, in several processes; one that hangs fails."""
    ended = run_command(command_of(processes, *arguments), environment(), timeout)
    # Of which the launcher gives what processes have written to the one, or to the other.
    ended.stdout += ended.stderr
    return ended


def command_of(processes: int, *arguments: str) -> list[str]:
    """Return the command that runs ``python -m mpi4py`` on `arguments`, in several processes."""
    command = launching.launcher()
    assert command is not None
    return [*command, "-n", str(processes), sys.executable, "-m", "mpi4py", *arguments]


def environment() -> dict[str, str]:
    """Return the variables of such a program, which finds the tests."""
    return {**launching.environment(), "PYTHONPATH": str(ROOT)}
