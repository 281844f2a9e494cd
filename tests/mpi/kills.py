"""Programs of several processes that are killed at a random moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.mpi.launch import command_of, environment
from tests.processes import ROOT

_END = 60.0  # seconds in which a program without hope is to end


class Started:
    """A program that runs, of which each process has told its number.

    Its processes run ``tests.mpi.told``.
    """

    def __init__(self, processes: int, *arguments: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._output = Path(self._folder.name, "output")
        numbers = Path(self._folder.name, "numbers")
        numbers.mkdir()
        with self._output.open("w", encoding="utf-8") as output:
            self._launcher = subprocess.Popen(
                command_of(processes, "-m", "tests.mpi.told", str(numbers), *arguments),
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pids: list[int] = []
        while len(self.pids) < processes and not self._ends_within(0.01):
            self.pids = [int(file.name) for file in numbers.iterdir()]

    def kill_after(self, seconds: float, rng: random.Random) -> bool:
        """Kill a process, or all with their launcher; tell whether it was running until then."""
        if self._ends_within(seconds):
            return False
        whole = [*self.pids, self._launcher.pid]
        _kill(whole if rng.random() < 0.25 else [rng.choice(self.pids)])
        return True

    def wait(self) -> tuple[int, str]:
        """Return exit status and output, once nothing of it runs any more."""
        try:
            status = self._launcher.wait(_END)
        finally:
            _kill([*self.pids, self._launcher.pid])
            while any(map(_runs, self.pids)):
                self._ends_within(0.01)
            output = self._output.read_text(encoding="utf-8")
            self._folder.cleanup()
        return status, output

    def _ends_within(self, seconds: float) -> bool:
        try:
            self._launcher.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def _kill(pids: Sequence[int]) -> None:
    for pid in filter(_runs, pids):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _runs(pid: int) -> bool:
    """Tell whether there is such a process, which nobody has killed."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def until_it_ends(rng: random.Random, kills: int, *arguments: str) -> tuple[int, str]:
    """Start a program on 1, 2 or 4 processes again and again until it ends well.

    Kill it as often, at random; return how often it was running by then, and its last output.
    """
    killed = 0
    for left in range(kills, -1, -1):
        processes = rng.choice([1, 2, 4])
        started = Started(processes, *arguments)
        # More take more turns on fewer processors.
        was_killed = left > 0 and started.kill_after(rng.uniform(0, 0.25 * processes), rng)
        killed += was_killed
        status, output = started.wait()
        if status == 0:
            return killed, output
        assert was_killed, output
    raise AssertionError(f"the last start, which nobody has killed, ended with {status}\n{output}")
