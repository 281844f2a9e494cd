"""Nothing hangs, whatever becomes of a process, and what is missing is named."""

from pathlib import Path

import pytest

from tests.mpi.launch import launch
from tests.processes import run_python


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("fault", ["raises_between_steps", "dies"])
def test_a_process_that_ends_ends_the_others(fault: str) -> None:
    result = launch(2, "-m", "tests.mpi.faults", fault, timeout=60)
    assert result.returncode != 0, result.stdout
    if fault == "raises_between_steps":
        assert "RuntimeError: no gradient from this process" in result.stdout


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    "fault",
    ["stops_between_steps", "stops_before_it_reduces", "stops_in_a_step", "stops_in_a_save"],
)
def test_a_stopped_process_is_a_timeout(fault: str) -> None:
    result = launch(2, "-m", "tests.mpi.faults", fault, timeout=60)
    assert "the others have gone on" in result.stdout, result.stdout


def refusal(program: str, **environment: str | None) -> str:
    """Return the last line of what a program says that ends with an error."""
    result = run_python("-c", program, environment=environment)
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stderr.splitlines()[-1]


def test_without_mpi4py_the_extra_is_named() -> None:
    said = refusal("import sys; sys.modules['mpi4py'] = None; import instep.mpi")
    assert said.startswith("ImportError: instep.mpi needs the package mpi4py")
    assert "pip install 'instep[mpi]'" in said


@pytest.mark.parametrize("error", ["RuntimeError", "ImportError"])
def test_without_a_library_that_is_named(error: str, tmp_path: Path) -> None:
    package = tmp_path / "mpi4py"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "MPI.py").write_text(f"raise {error}('cannot load MPI library')")
    search = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    said = refusal(f"{search}import instep.mpi")
    assert said.startswith("ImportError: instep.mpi needs an MPI that mpi4py can use")
    assert "cannot load MPI library" in said
    assert "pip install mpich" in said


MAKE = (
    "import mpi4py; mpi4py.rc.{setting}; import numpy, instep.mpi; from mpi4py import MPI; "
    "instep.mpi.Sharded(instep.Adam, numpy.zeros(3), comm={comm})"
)


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize(
    ("setting", "comm", "words"),
    [
        ("thread_level = 'single'", "MPI.COMM_SELF", "RuntimeError: MPI: expected a thread level"),
        ("initialize = False", "MPI.COMM_SELF", "RuntimeError: MPI: expected it initialized"),
        ("fast_reduce = True", "None", "TypeError: comm: expected an intracommunicator"),
        ("fast_reduce = True", "MPI.COMM_NULL", "TypeError: comm: expected an intracommunicator"),
    ],
)
def test_an_mpi_that_is_not_ready_is_refused(setting: str, comm: str, words: str) -> None:
    assert refusal(MAKE.format(setting=setting, comm=comm)).startswith(words)


@pytest.mark.usefixtures("_processes")
def test_the_examples_of_docstrings_run() -> None:
    program = (
        "import doctest, importlib, pkgutil, instep.mpi; "
        "names = [each.name for each in pkgutil.iter_modules(instep.mpi.__path__, 'instep.mpi.')]; "
        "found = [doctest.testmod(importlib.import_module(name)) for name in names]; "
        "assert sum(each.attempted for each in found) >= 8; "
        "assert not any(each.failed for each in found)"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stdout + result.stderr
