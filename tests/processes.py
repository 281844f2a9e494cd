"""Scenarios that need an interpreter of their own."""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[1]

Environment: TypeAlias = Mapping[str, str | None]
"""Variables to set, or with None to remove, in a copy of the present environment."""


def run_python(
    *arguments: str, environment: Environment | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run Python on `arguments`; a run that hangs fails, and its children end with it."""
    variables = {**os.environ, **(environment or {})}
    given = {name: value for name, value in variables.items() if value is not None}
    return run_command([sys.executable, *arguments], given, timeout)


def run_command(
    command: Sequence[str], environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a command with these variables; one that hangs fails, and its children end with it."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"no end after {timeout} s\n{output}\n{errors}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def run_scenario(
    scenario: Callable[..., None],
    *arguments: int,
    environment: Environment | None = None,
    timeout: float = 120,
) -> None:
    """Call a function of a test module in a new process and fail unless it returns."""
    call = f"from {scenario.__module__} import {scenario.__name__} as run; run(*{arguments})"
    result = run_python("-c", call, environment=environment, timeout=timeout)
    assert result.returncode == 0, f"{result.returncode}\n{result.stdout}\n{result.stderr}"


def start_child(task: Callable[[], object]) -> int:
    """Fork, and run the task in the child, which ends with 0 if the task returns."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        task()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def assert_success(*children: int) -> None:
    for child in children:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
