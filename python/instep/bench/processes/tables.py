"""The tables of several processes: what was measured, and what the model makes of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from instep.bench.processes.results import REDUCTIONS
from instep.bench.tables import Table
from instep.bench.units import duration, significant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from instep.bench.processes.results import Launch, Measured, ProcessResults

LEGEND = (
    "model: what the parts take that were measured alone, added up; ×: the step by the model.",
    "states: bytes on the process that has most.",
    "latency: of a message to each process, and of one stage of an all-gather.",
    "GB/s: of one process, while all do the same: bytes sent, copied, or read and written.",
)


def tables(results: ProcessResults) -> Iterator[Table]:
    """Yield, for each kind of case, a table of whole steps and one of what they are made of."""
    rows = [(launch, each) for launch in results.launches for each in launch.measured]
    rows.sort(key=lambda row: (row[1].case.kind, row[1].case.elements))
    cores = results.machine["cores"] or 1
    for kind, group in itertools.groupby(rows, lambda row: row[1].case.kind):
        of_kind = list(group)
        yield table_of(kind, STEP, [_step(*row, cores) for row in of_kind])
        yield table_of(
            f"{kind}: constants", CONSTANTS, [_constants(*row, cores) for row in of_kind]
        )


def largest(results: ProcessResults) -> Measured:
    """Return the largest case on as many processes as there are cores for, by shared memory."""
    cores = results.machine["cores"] or 1
    launches = [each for each in results.launches if each.processes <= cores]
    # Of two transports the first one stays.
    chosen = max(launches or results.launches, key=lambda launch: launch.processes)
    return max(chosen.measured, key=lambda each: each.case.elements)


STEP = (*("threads", "ordered", "spread", "model", "×", "fast", "model", "×", "states"),)
CONSTANTS = (
    *("call", "latency: message", "stage", "all-to-all GB/s", "reduce-scatter", "all-gather"),
    *("add", "copy", "rule"),
)


def table_of(title: str, headings: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    """Return a table of rows that begin with their labels."""
    labels, *cells = zip(*rows, strict=True)
    columns = ((heading, *each) for heading, each in zip(headings, cells, strict=True))
    return Table(title, labels, tuple(columns))


def _label(launch: Launch, measured: Measured, cores: int) -> str:
    way = f", {launch.transport}" if launch.processes > 1 else ""
    spins = ", more than cores" if launch.processes > cores else ""
    return f"{measured.case.shape}: {launch.processes}{way}{spins}"


def _step(launch: Launch, measured: Measured, cores: int) -> tuple[str, ...]:
    cells = [_label(launch, measured, cores), str(launch.threads)]
    for reduction in REDUCTIONS:
        seconds = measured.seconds[reduction]
        cells.append(duration(seconds.median))
        if reduction == "ordered":
            cells.append(f"±{seconds.spread:.0%}")
        cells.append(duration(measured.model(reduction).total))
        cells.append(significant(measured.ratio(reduction)))
    return (*cells, f"{measured.state_bytes:,}")


def _constants(launch: Launch, measured: Measured, cores: int) -> tuple[str, ...]:
    speeds = measured.speeds
    rates = [measured.link(each).bytes_per_second for each in (*REDUCTIONS.values(), "all-gather")]
    return (
        _label(launch, measured, cores),
        duration(speeds.call),
        duration(measured.link("all-to-all").latency),
        duration(measured.link("all-gather").latency),
        *(significant(rate / 1e9) for rate in (*rates, speeds.add, speeds.copy, speeds.step)),
    )
