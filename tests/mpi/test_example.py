"""The example learns the same on any number of processes."""

import pytest

from tests.examples import needs_examples
from tests.mpi.launch import launch


@needs_examples
@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("processes", [1, 3])
def test_several_processes(processes: int) -> None:
    result = launch(processes, "examples/several_processes.py")
    assert result.returncode == 0, result.stdout
    assert result.stdout.strip() == "bias 3.000, last weight 19.000"
