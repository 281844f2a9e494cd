"""What the extension declares of the interpreters that it runs in, and keeps."""

from __future__ import annotations

import sys
import sysconfig

import pytest

from tests.processes import run_python

SUB_INTERPRETER = """
import importlib, sys
name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
interpreters = importlib.import_module(name)
run = getattr(interpreters, "exec", None) or interpreters.run_string
code = "import importlib.machinery, importlib.util\\n" + (
    "loader = importlib.machinery.ExtensionFileLoader('instep._core', {path!r})\\n"
    "importlib.util.module_from_spec(importlib.util.spec_from_loader('instep._core', loader))"
)
try:
    result = run(interpreters.create(), code)
except Exception as error:
    result = error
print(getattr(result, "formatted", result))
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="extensions cannot declare it yet")
def test_a_sub_interpreter_is_refused() -> None:
    """NumPy itself has none; so instep says no, instead of sharing its objects among them."""
    path = "import instep._core as core; print(core.__file__, end='')"
    code = SUB_INTERPRETER.format(path=run_python("-c", path).stdout)
    result = run_python("-c", code)
    assert result.returncode == 0, result.stderr
    assert "ImportError" in result.stdout
    assert "does not support loading in subinterpreters" in result.stdout


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has the GIL"
)
def test_the_gil_stays_off() -> None:
    """An extension that does not declare that it does without switches it on for everyone."""
    result = run_python("-W", "error", "-c", "import instep, sys; print(sys._is_gil_enabled())")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["False"]
