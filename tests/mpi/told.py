"""Run by each process of a launch: a file says its number, then it runs a program as its own."""

import os
import runpy
import sys
from pathlib import Path

import instep.mpi  # noqa: F401  # so that what is left is the program's own time

if __name__ == "__main__":
    _, folder, *sys.argv = sys.argv
    Path(folder, str(os.getpid())).touch()
    runpy.run_path(sys.argv[0], run_name="__main__")
