"""Every case passes on one process and on several, also on an odd number."""

from collections.abc import Callable

import pytest

from tests.mpi.cases import CASES


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
@pytest.mark.parametrize("case", CASES)
def test_case(case: str, processes: int, passed: Callable[[int], tuple[set[str], str]]) -> None:
    names, output = passed(processes)
    assert case in names, output
