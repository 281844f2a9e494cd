"""What autodoc cannot know of this package."""

from __future__ import annotations

import ast
import inspect
import pydoc
import textwrap
from types import FunctionType
from typing import TYPE_CHECKING, Any

from sphinx.util.nodes import make_refnode

import instep

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata


def _process_docstring(
    app: Sphinx, kind: str, name: str, documented: Any, options: Any, lines: list[str]
) -> None:
    if kind == "class" and issubclass(documented, instep.Optimizer):
        if documented is not instep.Optimizer:
            lines.extend(_inherited(documented))
    elif kind == "function" and name.startswith("instep.reference."):
        if name.removeprefix("instep.reference.") in instep.functional.__all__:
            lines[:] = _introduction(lines)
        lines.extend(_source(documented))


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


def _source(function: FunctionType) -> list[str]:
    """Return the code of a function of the reference, without its docstring."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    docstring = definition.body[0]
    code = source.splitlines()
    del code[docstring.lineno - 1 : docstring.end_lineno]
    shown = code[definition.lineno - 1 :]
    return ["", ".. code-block:: python", "", *(f"   {line}" for line in shown), ""]


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Element | None:
    """Link what a class has of its base, or a module has of another, to where it is documented."""
    if node.get("refdomain") != "py":
        return None
    objects = env.domains.python_domain.objects
    target = node["reftarget"]
    module, cls = node.get("py:module"), node.get("py:class")
    for name in (f"{module}.{cls}.{target}", f"{module}.{target}", target):
        owner, _, member = name.rpartition(".")
        found = pydoc.locate(name)
        candidates = [_canonical(found)] if inspect.isclass(found) else []
        for base in getattr(pydoc.locate(owner), "__mro__", ()):
            entry = objects.get(_canonical(base))
            candidates.append(f"{entry.node_id if entry else base}.{member}")
        for candidate in candidates:
            if candidate in objects:
                entry = objects[candidate]
                return make_refnode(
                    app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, candidate
                )
    return None


def _canonical(cls: type) -> str:
    """Return the name by which Sphinx knows a class, wherever it was imported to."""
    return f"{cls.__module__}.{cls.__qualname__}"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done to docstrings, after numpydoc, and to references."""
    app.connect("autodoc-process-docstring", _process_docstring, priority=900)
    app.connect("missing-reference", _resolve)
    return {"version": "1", "parallel_read_safe": True}
