"""Builds of the kernels for other compilers, optimization levels and processors."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Build:
    """A compiler with its flags, and what runs its programs where this machine cannot."""

    name: str
    compiler: str
    flags: str
    processor: str = platform.machine()
    emulator: Sequence[str] = ()

    @property
    def is_installed(self) -> bool:
        tools = (self.compiler, "cmake", *self.emulator[:1])
        return all(shutil.which(tool) is not None for tool in tools)

    def make(self, folder: Path) -> list[str]:
        """Build the program in `folder` and return the command that runs it."""
        cross = [] if self.processor == platform.machine() else ["-DCMAKE_SYSTEM_NAME=Linux"]
        configure = [
            *("cmake", "-S", str(ROOT / "tests/platforms"), "-B", str(folder)),
            f"-DCMAKE_CXX_COMPILER={self.compiler}",
            f"-DCMAKE_CXX_FLAGS={self.flags}",
            *cross,
            f"-DCMAKE_SYSTEM_PROCESSOR={self.processor}",
        ]
        for command in (configure, ["cmake", "--build", str(folder), "--parallel", "2"]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        return [*self.emulator, str(folder / "stepper")]


AARCH64 = ("qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu")

# Of GCC on this processor, -O3 is what the suite itself runs on.
BUILDS = (
    Build("gcc -O2", "g++", "-O2"),
    Build("clang -O2", "clang++", "-O2"),
    Build("clang -O3", "clang++", "-O3"),
    Build("gcc -O3, aarch64", "aarch64-linux-gnu-g++", "-O3", "aarch64", AARCH64),
)
