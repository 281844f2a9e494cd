"""The examples learn the same on any number of processes."""

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


@needs_examples
@pytest.mark.usefixtures("_processes")
def test_digits_on_several_processes() -> None:
    pytest.importorskip("sklearn", reason="the example needs scikit-learn")
    one, four = (launch(n, "examples/digits_on_several_processes.py") for n in (1, 4))
    assert one.returncode == four.returncode == 0, one.stdout + four.stdout
    assert one.stdout == four.stdout
    accuracy = one.stdout.split()[1].removesuffix("%,")
    assert float(accuracy) > 88
