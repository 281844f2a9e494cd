"""Run by each process of a launch: all cases, one after the other.

Process 0 writes the name of each that has passed on all.
"""

import sys
from pathlib import Path

from mpi4py import MPI

from tests.mpi.cases import CASES


def main(passed: Path) -> None:
    comm = MPI.COMM_WORLD
    with passed.open("w", encoding="utf-8") as file:
        for name, case in CASES.items():
            case(comm)
            comm.Barrier()
            if comm.rank == 0:
                print(name, file=file, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if MPI.COMM_WORLD.rank == 0 else Path(sys.argv[1] + ".other"))
