"""What the module shows: names, documentation, what it needs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

pytest.importorskip("scipy")

import instep.interop.scipy
from tests.api.test_public import sections
from tests.processes import run_python

NAME = instep.interop.scipy.__name__
MODULES = [
    NAME,
    *(each.name for each in pkgutil.walk_packages(instep.interop.scipy.__path__, f"{NAME}.")),
]


def test_names() -> None:
    assert instep.interop.scipy.__all__ == ["method"]


def test_every_parameter_is_documented() -> None:
    method = instep.interop.scipy.method
    found = sections(method)
    documented = [
        line.partition(" : ")[0].lstrip("*")
        for line in found["Parameters"].splitlines()
        if line and not line.startswith(" ")
    ]
    assert documented == [*inspect.signature(method).parameters]
    assert ">>> " in found["Examples"]
    assert "Raises" in found


def test_every_option_of_minimize_is_documented() -> None:
    minimize = instep.interop.scipy.method(instep.SGD).func  # type: ignore[attr-defined]
    known = {
        each.name
        for each in inspect.signature(minimize).parameters.values()
        if each.kind is each.KEYWORD_ONLY
    } - {"args", "jac", "callback"}
    assert known == {"maxiter", "gtol", "tol", "xtol", "eps", "disp"}
    notes = sections(instep.interop.scipy.method)["Notes"]
    for name in known - {"tol"}:
        assert f"\n{name} " in notes
    assert "``tol``" in notes


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_documented_and_their_examples_run(module: str) -> None:
    imported = importlib.import_module(module)
    assert imported.__doc__
    assert doctest.testmod(imported).failed == 0


def test_without_scipy_the_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['scipy'] = None\n"
        "import instep, instep.interop\n"
        "try: import instep.interop.scipy\n"
        "except ImportError as error: print(error)"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
    assert "pip install 'instep[scipy]'" in result.stdout


def test_instep_does_not_import_scipy() -> None:
    program = (
        "import sys, instep, instep.interop\n"
        "try: instep.RowGradient.from_scipy(0)\n"
        "except TypeError: print('scipy' in sys.modules)"
    )
    result = run_python("-c", program)
    assert result.stdout == "False\n", result.stderr
