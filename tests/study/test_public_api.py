"""The study uses the package as any user does, and nobody else pays for it."""

from __future__ import annotations

import ast
from pathlib import Path

import instep
from tests.processes import run_python

STUDY = Path(instep.__file__).parent / "study"
FILES = sorted(STUDY.glob("**/*.py"))


def attributes_read(tree: ast.AST) -> set[str]:
    """Return what is taken from ``instep`` by a dot; imports are the architecture's to judge."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "instep"
    }


def test_only_public_names_are_used() -> None:
    used = {name for file in FILES for name in attributes_read(ast.parse(file.read_text("utf-8")))}
    assert {"Adam", "Optimizer"} <= used
    assert used - {*instep.__all__, "__version__"} == set()


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
