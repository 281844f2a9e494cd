"""What pages of the API show beside the docstrings."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import FunctionType
from typing import TYPE_CHECKING, Any

import instep

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata


def _process_docstring(
    _app: Sphinx, kind: str, name: str, documented: Any, _options: Any, lines: list[str]
) -> None:
    if kind == "class" and issubclass(documented, instep.Optimizer):
        if documented is not instep.Optimizer:
            lines.extend(_inherited(documented))
    elif kind == "function" and name.startswith("instep.reference."):
        name = name.removeprefix("instep.reference.")
        if name in instep.functional.__all__:
            compiled = f":py:func:`instep.functional.{name}`"
            lines[:] = [*_introduction(lines), f"The parameters are those of {compiled}.", ""]
        lines.extend(_code(documented))


def _inherited(cls: type[instep.Optimizer]) -> list[str]:
    """Return links to what the class has of its base, where these are documented."""
    names = [
        name
        for name in dir(instep.Optimizer)
        if not name.startswith("_") and getattr(cls, name) is getattr(instep.Optimizer, name)
    ]
    links = ", ".join(f":py:obj:`{name} <instep.Optimizer.{name}>`" for name in names)
    return [".. rubric:: Of every optimizer", "", links, ""]


def _introduction(lines: list[str]) -> list[str]:
    """Return the docstring without the sections that are those of the compiled function."""
    return lines[: next(k for k, line in enumerate(lines) if line.startswith(":Parameters:"))]


def _code(function: FunctionType) -> list[str]:
    """Return what a function of the reference does: its code from the docstring on."""
    source = inspect.getsource(inspect.unwrap(function))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    code = source.splitlines()[definition.body[0].end_lineno :]
    indented = textwrap.indent(textwrap.dedent("\n".join(code)), "   ")
    return [".. code-block:: python", "", *indented.splitlines(), ""]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Have docstrings processed after numpydoc has done so."""
    app.connect("autodoc-process-docstring", _process_docstring, priority=900)
    return {"version": "1", "parallel_read_safe": True}
