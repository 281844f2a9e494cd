"""What needs no Python compiles without a warning where the types have other sizes.

For Windows, whose `long` has 32 bits, and for 32-bit pointers and sizes, as WebAssembly has them.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SOURCES = sorted(
    [
        *ROOT.glob("cpp/engine/*.cpp"),
        ROOT / "cpp/kernels/select.cpp",
        ROOT / "cpp/kernels/baseline.cpp",
    ]
)

FLAGS = (
    *("-std=c++17", "-O1", "-ffp-contract=off", "-fopenmp", "-fsyntax-only", f"-I{ROOT / 'cpp'}"),
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"),
)


@dataclass(frozen=True)
class Target:
    """A compiler, and the flags with which it compiles for another platform."""

    name: str
    compiler: str
    flags: Sequence[str] = ()

    def compile(self, source: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        command = [self.compiler, *self.flags, *flags, str(source)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


TARGETS = (
    Target("Windows", "x86_64-w64-mingw32-g++-posix", ("-DINSTEP_X86_64",)),
    # Debian keeps the system's own headers, which both word sizes share, where only a package that
    # excludes the cross compilers would lead.
    Target(
        "32 bits",
        "g++",
        ("-m32", "-msse2", "-mfpmath=sse", "-idirafter", "/usr/include/x86_64-linux-gnu"),
    ),
)


@pytest.fixture(params=TARGETS, ids=lambda target: target.name)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """Return a target for which a program can be compiled here."""
    result: Target = request.param
    program = tmp_path / "program.cpp"
    program.write_text("#include <pthread.h>\n#include <omp.h>\n#include <vector>\n")
    if shutil.which(result.compiler) is None or result.compile(program, *FLAGS).returncode != 0:
        pytest.skip(f"there is no compiler for {result.name}")
    return result


def test_engine_and_kernels_compile(target: Target) -> None:
    assert len(SOURCES) > 10
    for source in SOURCES:
        done = target.compile(source, *FLAGS)
        assert done.returncode == 0, f"{source.name}\n{done.stderr}"
