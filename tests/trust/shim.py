"""The preloaded library that makes calls fail: built for a test, and called by what it runs."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).with_name("faults.c")

FAIL, DIE, SHORT = range(3)
EXIT_CODE = 77


def build(folder: Path) -> Path:
    """Build the library; skips where it cannot be preloaded or nothing can build it."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the library stands before glibc")
    if "LD_PRELOAD" in os.environ:
        pytest.skip("another library is preloaded")
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = folder / "faults.so"
    subprocess.run(
        [*compiler.split(), "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True
    )
    return library


def function(name: str) -> Any:
    """Return a function of the library, which this process was started with."""
    return ctypes.CDLL(None)[name]


class Calls:
    """Makes a call of the system fail: the n-th that writes, or the n-th that reads."""

    def __init__(self) -> None:
        self.arm, self.disarm = function("faults_arm"), function("faults_disarm")

    def run(
        self,
        operation: Callable[[], Any],
        n: int,
        action: int,
        error: int = 0,
        *,
        lasting: bool = False,
        reads: bool = False,
    ) -> tuple[bool, Exception | None]:
        """Return whether there was an n-th call, and what the operation raised."""
        raised = None
        self.arm(ctypes.c_long(n), action, error, lasting, reads)
        try:
            operation()
        except Exception as caught:
            raised = caught
        finally:
            fired = self.disarm()
        return fired > 0, raised

    def ends_process(self, operation: Callable[[], Any], n: int) -> bool:
        """Return whether there was an n-th call, which has ended a process that began there."""
        child = os.fork()
        if child == 0:
            fired, error = self.run(operation, n, DIE)
            os._exit(1 if fired or error else 0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, EXIT_CODE)
        return code == EXIT_CODE


class Allocations:
    """Makes the n-th allocation fail, once."""

    def __init__(self) -> None:
        self.arm = function("faults_arm_allocations")
        self.disarm = function("faults_disarm_allocations")
        self.live = function("faults_live")

    def run(self, operation: Callable[[], Any], n: int) -> tuple[bool, Any]:
        """Return whether there was an n-th allocation, and what was returned or MemoryError."""
        number = ctypes.c_long(n)
        result: Any = MemoryError
        try:
            self.arm(number)  # may meet the fault itself, as it returns
            result = operation()
        except MemoryError:
            pass
        except RuntimeError as error:
            # Python's files and locks say it so.
            if not str(error).startswith("can't allocate"):
                raise
        # The call itself allocates, and may meet the fault: the operation is over by then.
        while True:
            try:
                return self.disarm() > 0, result
            except MemoryError:
                continue
