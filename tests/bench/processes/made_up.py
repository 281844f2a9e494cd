"""What processes might have measured, with numbers that are easy to follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instep.bench.processes.launch import SHARED_MEMORY, TCP
from instep.bench.processes.results import Launch, Measured, ProcessResults
from instep.bench.results import Quartiles
from tests.bench.made_up import MACHINE, case

SECONDS = {
    "call": 0.5,
    "agreement": 2.0,
    "all-to-all of one": 6.0,
    "all-to-all": 36.0,
    "reduce-scatter": 66.0,
    "all-gather": 32.0,
    "add": 11.0,
    "copy": 4.0,
    "rule": 10.0,
    "ordered": 120.0,
    "fast": 150.0,
}
"""Of four processes, which step 1,000 elements: 4,000 bytes of gradients."""


def measured(
    processes: int = 4, seconds: Mapping[str, float] = SECONDS, **changes: Any
) -> Measured:
    given = {
        "message_bytes": 4000,
        "bucket_bytes": 1_000_000,
        "state_bytes": 8000 // processes,
        "loopback": None,
        **changes,
    }
    quartiles = {name: Quartiles(0.9 * each, each, 1.1 * each) for name, each in seconds.items()}
    return Measured(case((1000,)), processes, quartiles, **given)


def launch(processes: int, transport: str = SHARED_MEMORY, **changes: Any) -> Launch:
    each = measured(processes, **changes)
    return Launch(processes, transport, max(1, 4 // processes), "MPI of brass", [each])


def results(*launches: Launch) -> ProcessResults:
    given = launches or (launch(1), launch(2), launch(2, TCP), launch(8))
    return ProcessResults({"seconds_per_case": 0.5}, MACHINE, {}, list(given))
