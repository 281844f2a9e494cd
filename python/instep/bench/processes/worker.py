"""Run by each process of a launch: measures cases, and process 0 writes what it found.

``python -m mpi4py -m instep.bench.processes.worker REQUEST FOUND``, the names of two JSON files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpi4py import MPI

from instep.bench.json_file import case_figures, case_of
from instep.bench.processes.loopback import bytes_through
from instep.bench.processes.parts import (
    BUCKET_BYTES,
    bytes_of_states,
    messages_of,
    parts_of,
    sharded,
    step,
)
from instep.bench.processes.results import REDUCTIONS
from instep.bench.processes.timing import time_in_turn

if TYPE_CHECKING:
    from instep.bench.cases import Case


def measure(case: Case, comm: Any, seconds: float) -> dict[str, Any]:
    """Return what was measured of a case, in types that JSON has."""
    messages = messages_of(case, comm)
    optimizers = {name: sharded(case, comm, name) for name in REDUCTIONS}
    times = time_in_turn(
        comm,
        parts_of(case, messages, comm),
        {name: step(optimizer, case) for name, optimizer in optimizers.items()},
        seconds,
    )
    return {
        "case": case_figures(case),
        "message_bytes": messages.nbytes,
        "bucket_bytes": BUCKET_BYTES,
        "state_bytes": max(comm.allgather(bytes_of_states(optimizers["ordered"]))),
        "seconds": {name: each._asdict() for name, each in times.items()},
        "loopback": bytes_through(messages, comm),
    }


def main(request: Path, found: Path) -> None:
    """Measure what the request asks for."""
    comm = MPI.COMM_WORLD
    asked = json.loads(request.read_text(encoding="utf-8"))
    measured = [measure(case_of(each), comm, asked["seconds"]) for each in asked["cases"]]
    if comm.rank == 0:
        library = MPI.Get_library_version().replace(",", "\n").splitlines()[0].strip()
        figures = {"mpi": " ".join(library.split()), "measured": measured}
        found.write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
