"""The study uses the package as any user does, and nobody else pays for it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import instep
from tests.processes import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY = Path(instep.__file__).parent / "study"
FILES = sorted(STUDY.glob("**/*.py"))
MODULES = ("functional", "reference", "schedules", "line_search", "commandline", "study")
"""What may be imported from, besides `instep` itself."""


def is_public(name: str) -> bool:
    """Return whether a dotted name is public, ``instep`` or something below it."""
    _, *below = name.split(".")
    if any(part.startswith("_") and part != "__version__" for part in below):
        return False
    return not below or below[0] in (*MODULES, *instep.__all__)


def names_used(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names at and below ``instep`` that a module imports or reads."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if is_ours(alias.name))
            case ast.ImportFrom(module=str(module), names=names, level=0) if is_ours(module):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom(level=level) if level:
                yield "instep._relative"
            case ast.Attribute(value=ast.Name("instep"), attr=attribute):
                yield f"instep.{attribute}"


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "instep"


def test_there_is_something_to_look_at() -> None:
    used = [name for file in FILES for name in names_used(ast.parse(file.read_text("utf-8")))]
    assert {"instep.Adam", "instep.reference", "instep.commandline.errors.CommandError"} <= {*used}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_only_public_names_are_used(file: Path) -> None:
    used = names_used(ast.parse(file.read_text("utf-8")))
    assert {name for name in used if not is_public(name)} == set()


BAD = {
    "a private module": "from instep._core import Rule",
    "a private name": "from instep.reference import _common",
    "a module that is no interface": "from instep.optimizer import Optimizer",
    "a name that is not exported": "from instep import hyperparameters",
    "an attribute": "import instep\ninstep._core",
    "an import below": "import instep.config",
    "a relative import": "from ..config import show_config",
    "the benchmark": "from instep.bench import machine",
}


@pytest.mark.parametrize("source", BAD.values(), ids=list(BAD))
def test_private_names_are_found(source: str) -> None:
    assert not all(map(is_public, names_used(ast.parse(source))))


def test_importing_the_package_imports_no_study() -> None:
    program = "import sys, instep; print(*(n for n in sys.modules if n.startswith('instep.study')))"
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


def test_examples_run() -> None:
    names = [
        ".".join(("instep", *file.relative_to(STUDY.parent).with_suffix("").parts))
        for file in FILES
        if ">>> " in file.read_text("utf-8")
    ]
    assert "instep.study.report.findings" in names
    # In a process of their own, since some parts import JAX.
    program = (
        "import doctest, importlib; modules = map(importlib.import_module, {}); "
        "exit(sum(doctest.testmod(module).failed for module in modules))"
    )
    result = run_python("-c", program.format(names))
    assert result.returncode == 0, result.stdout + result.stderr
