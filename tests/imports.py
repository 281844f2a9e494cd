"""Which file of the sources imports or includes which."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_INCLUDE = re.compile(r'^ *# *include "(.+)"', re.MULTILINE)


def modules(package: Path) -> dict[str, Path]:
    """Return the modules of a package by name, the compiled ones as their stubs."""
    found = {}
    for file in [*package.rglob("*.py"), *package.rglob("*.pyi")]:
        parts = file.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def import_graph(package: Path) -> dict[str, set[str]]:
    """Return for each module of a package those of the package that it imports.

    Wherever the import stands: in a function or for type checkers alone too.
    """
    known = modules(package)
    return {
        name: {each for each in _imported(file) if each in known} - {name}
        for name, file in known.items()
    }


def imported_names(file: Path) -> Iterator[tuple[str, str | None]]:
    """Yield modules that a file imports, each with the name that it takes from it, if it does."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((each.name, None) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: expected absolute imports"
            yield from ((node.module or "", each.name) for each in node.names)


def _imported(file: Path) -> Iterator[str]:
    for module, name in imported_names(file):
        yield module
        if name is not None:
            yield f"{module}.{name}"


def included(file: Path) -> list[str]:
    """Return the files of ours that a C++ file includes."""
    return _INCLUDE.findall(file.read_text(encoding="utf-8"))
