"""What is told: a table for people, a dictionary for programs."""

from __future__ import annotations

import contextlib
import itertools
import sys
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from instep.bench.own import INSTEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from instep.bench.cases import Case
    from instep.bench.measure import Measurement

CAPTION = "spread: between the quartiles; GB/s: what has to move, by the time it took"

UNBOUNDED = 1000
"""Columns enough for every table."""


def print_heading(machine: dict[str, Any]) -> None:
    """Print the line about machine, versions, instruction set and threads."""
    config = machine["instep"]
    print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; "
        f"Python {machine['python']}, NumPy {config['numpy']}, instep {config['version']} "
        f"({config['isa']['chosen']}, threads: {config['num_threads']})",
        flush=True,
    )


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[Case], None]]:
    """Show on standard error which case is being measured: the function given is told each."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    # Drawn between the cases only: a drawing thread would take time from what is measured.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bars:
        bar = bars.add_task("", total=total)
        yield lambda case: bars.update(bar, advance=1, description=str(case), refresh=True)


def print_table(measurements: Sequence[Measurement]) -> None:
    """Print a row for each measurement: instep's time, and every other's with its ratio to it."""
    peers = [name for name in measurements[0].quartiles if name != INSTEP.name]
    columns = ["rule", "dtype", "elements", INSTEP.name, "spread", "GB/s"]
    for name in peers:
        columns += [name, "ratio"]
    rows = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for name in columns:
        text = name in ("rule", "dtype")
        rows.add_column(name, justify="left" if text else "right", no_wrap=True)
    for _, group in itertools.groupby(measurements, lambda each: (each.case.rule, each.case.dtype)):
        for each in group:
            rows.add_row(*_row(each, peers))
        rows.add_section()
    rows.caption = CAPTION
    if any(each.case.gradient_buffers > 1 for each in measurements):
        rows.caption += "\n* a new gradient buffer for every step"
    # Without a terminal rich assumes a width, and would cut off what does not fit.
    console = Console(width=None if sys.stdout.isatty() else UNBOUNDED)
    console.print(rows)


def _row(measurement: Measurement, peers: Sequence[str]) -> list[str]:
    case = measurement.case
    own = measurement.quartiles[INSTEP.name]
    cells = [
        case.rule.name,
        case.dtype,
        case.shape + (" *" if case.gradient_buffers > 1 else ""),
        _duration(own.median),
        f"{own.spread:.0%}",
        _short(measurement.bytes_per_second(INSTEP.name) / 1e9),
    ]
    for name in peers:
        cells += [
            _duration(measurement.quartiles[name].median),
            f"{_short(measurement.ratio(name, to=INSTEP.name))} ×",
        ]
    return cells


def _short(value: float) -> str:
    return f"{value:.{0 if value >= 10 else 1}f}"


def _duration(seconds: float) -> str:
    """Return a time to three digits, in the unit that suits it."""
    unit, scale = next(
        (unit, scale)
        for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 0.0))
        if seconds >= scale
    )
    scale = scale or 1e-9
    value = seconds / scale
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{decimals}f} {unit}"


def as_dict(machine: dict[str, Any], measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Return everything that was measured, in types that JSON has."""
    return {"machine": machine, "measurements": [_measurement(each) for each in measurements]}


def _measurement(measurement: Measurement) -> dict[str, Any]:
    case = measurement.case
    return {
        "rule": case.rule.name,
        "hyperparameters": case.rule.hyperparameters,
        "dtype": case.dtype,
        "sizes": list(case.sizes),
        "layout": case.layout,
        "gradient_buffers": case.gradient_buffers,
        "bytes_moved": case.bytes_moved,
        "rounds": measurement.rounds,
        "contenders": {
            name: {
                "seconds": quartiles._asdict(),
                "steps_per_timing": measurement.steps_per_timing[name],
                "bytes_per_second": measurement.bytes_per_second(name),
                "ratio_to_instep": measurement.ratio(name, to=INSTEP.name),
            }
            for name, quartiles in measurement.quartiles.items()
        },
    }
