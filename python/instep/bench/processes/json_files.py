"""The figures of several processes as JSON: those of one launch, and those of a run."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from instep.bench.json_file import case_figures, case_of
from instep.bench.processes.results import Launch, Measured, ProcessResults
from instep.bench.results import Quartiles

if TYPE_CHECKING:
    from pathlib import Path


def measured_of(figures: dict[str, Any], processes: int) -> Measured:
    """Return what a worker wrote of a case."""
    seconds = {name: Quartiles(**each) for name, each in figures["seconds"].items()}
    return Measured(
        case_of(figures["case"]),
        processes,
        seconds,
        *(figures[name] for name in ("message_bytes", "bucket_bytes", "state_bytes", "loopback")),
    )


def write(results: ProcessResults, path: Path) -> None:
    """Write everything that was measured, and what the model makes of it."""
    figures = {
        "arguments": results.arguments,
        "machine": results.machine,
        "versions": results.versions,
        "launches": [_figures(each) for each in results.launches],
    }
    path.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def results_of(figures: dict[str, Any]) -> ProcessResults:
    """Return what `write` wrote, once it is read, or raise what tells that it is not that."""
    launches = [
        Launch(
            **{
                **each,
                "measured": [measured_of(one, each["processes"]) for one in each["measured"]],
            }
        )
        for each in figures["launches"]
    ]
    if not launches or not all(each.measured for each in launches):
        raise KeyError("measured")
    return ProcessResults(**{**figures, "launches": launches})


def _figures(launch: Launch) -> dict[str, Any]:
    return {**vars(launch), "measured": [_measured_figures(each) for each in launch.measured]}


def _measured_figures(measured: Measured) -> dict[str, Any]:
    return {
        "case": case_figures(measured.case),
        **{
            field.name: getattr(measured, field.name)
            for field in dataclasses.fields(measured)
            if field.name not in ("case", "processes", "seconds")
        },
        "seconds": {name: each._asdict() for name, each in measured.seconds.items()},
        "model": {
            reduction: {**measured.model(reduction)._asdict(), "ratio": measured.ratio(reduction)}
            for reduction in ("ordered", "fast")
        },
    }
