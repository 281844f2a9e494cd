"""Run by each process of a launch: a file says its number, then it runs a program as its own."""

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    _, folder, *sys.argv = sys.argv
    Path(folder, str(os.getpid())).touch()
    runpy.run_path(sys.argv[0], run_name="__main__")
