"""Every instruction set gives the same bits, and can be forced."""

from typing import Any

import pytest

import instep
from tests.processes import run_python

ISA: dict[str, Any] = instep.show_config("dicts")["isa"]
CHOSEN = "import instep; print(instep.show_config('dicts')['isa']['chosen'])"


def test_the_best_supported_one_is_chosen() -> None:
    assert "baseline" in ISA["supported"]
    assert set(ISA["supported"]) <= set(ISA["built"])
    default = run_python("-c", CHOSEN, environment={"INSTEP_ISA": None})
    assert default.stdout.split() == [ISA["supported"][-1]]


@pytest.mark.parametrize("name", ISA["supported"])
def test_each_can_be_forced(name: str) -> None:
    assert run_python("-c", CHOSEN, environment={"INSTEP_ISA": name}).stdout.split() == [name]


# What is chosen here is what all other tests run on.
@pytest.mark.parametrize("name", [name for name in ISA["supported"] if name != ISA["chosen"]])
def test_each_gives_the_bits_of_the_reference(name: str) -> None:
    result = run_python(
        *("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
        "tests/rules/test_bit_equality.py::test_every_size",
        "tests/rules/test_bit_equality.py::test_special_values",
        "tests/rules/test_storage.py::test_every_size",
        "tests/rules/test_storage.py::test_special_values",
        environment={"INSTEP_ISA": name},
        timeout=300,
    )
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


@pytest.mark.parametrize("name", [*(set(ISA["built"]) - set(ISA["supported"])), "avx", "BASELINE"])
def test_no_other_can_be_forced(name: str) -> None:
    result = run_python("-c", "import instep", environment={"INSTEP_ISA": name})
    assert result.returncode != 0
    message = result.stderr.splitlines()[-1]
    assert message.startswith("ImportError")
    for expected in ("INSTEP_ISA", name, *ISA["supported"]):
        assert expected in message
