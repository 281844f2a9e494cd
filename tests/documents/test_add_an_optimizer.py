"""docs/add-an-optimizer.md leads to an optimizer that passes every test of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.documents.blocks import FOLLOWED
from tests.documents.followed import Step, apply, commands, steps
from tests.processes import ROOT

FOLDERS = ("cpp", "docs", "licenses", "python", "tests")

BUILD = {
    # From what is installed here: nothing is fetched.
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # that is: no isolation
    "PIP_IGNORE_INSTALLED": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    # Bits do not depend on it, the time of the build does.
    "SKBUILD_CMAKE_DEFINE": "CMAKE_CXX_FLAGS_RELEASE=-O0",
}


def copy_of_the_tree(folder: Path) -> Path:
    """Return a copy of the sources, with a virtual environment of its own.

    It sees the packages of this one, but for an instep that is installed here.
    """
    for file in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copy2(file, folder)
    for name in FOLDERS:
        built = shutil.ignore_patterns("__pycache__", "_core.*.so", "_core.*.pyd", "corpus")
        shutil.copytree(ROOT / name, folder / name, ignore=built)
    venv.create(folder / ".venv", with_pip=False, symlinks=os.name != "nt")
    base = {"base": str(folder / ".venv"), "platbase": str(folder / ".venv")}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=base))
    here = [path for path in sys.path if path.endswith("-packages")]
    (packages / "here.pth").write_text("\n".join(here), encoding="utf-8")
    return folder


def run(tree: Path, variables: Mapping[str, str], words: Sequence[str]) -> str:
    """Run a command of the page in the tree, and return what it prints."""
    programs = Path(sysconfig.get_path("scripts", "venv", vars={"base": str(tree / ".venv")}))
    program, *rest = words
    python = str(programs / "python")
    command = {".venv/bin/python": [python], ".venv/bin/pip": [python, "-m", "pip"]}[program]
    done = subprocess.run(
        [*command, *rest],
        cwd=tree,
        env={**os.environ, **BUILD, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, f"{' '.join(words)}\n{output[-8000:]}"
    return output


def follow(step: Step, tree: Path) -> None:
    if step.kind != "Commands":
        apply(step, tree)
        return
    for variables, words in commands(step):
        output = run(tree, variables, words)
        if "pytest" in words:
            assert " passed" in output, f"{' '.join(words)}\n{output[-8000:]}"


@pytest.mark.builds
def test_the_page_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    pytest.importorskip("scikit_build_core")
    pytest.importorskip("pybind11")
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    tree = copy_of_the_tree(tmp_path)
    for step in steps(FOLLOWED.read_text(encoding="utf-8")):
        follow(step, tree)
