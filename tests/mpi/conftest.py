"""What needs processes is skipped where there are none to be had."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import pytest

from instep.bench.processes.launch import launcher
from tests.mpi.launch import launch


@pytest.fixture(scope="session")
def _processes() -> None:
    if find_spec("mpi4py") is None or launcher() is None:
        pytest.skip("needs mpi4py and an MPI, pip install 'instep[mpi]' mpich")


@pytest.fixture(scope="session")
def passed(
    _processes: None, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], tuple[set[str], str]]:
    """For a number of processes the names of the cases that have passed, and what was printed."""

    @cache
    def run(processes: int) -> tuple[set[str], str]:
        file = tmp_path_factory.mktemp("passed") / str(processes)
        result = launch(processes, "-m", "tests.mpi.program", str(file))
        names = set(file.read_text(encoding="utf-8").split()) if file.exists() else set()
        return names, f"exit status {result.returncode}\n{result.stdout}"

    return run
