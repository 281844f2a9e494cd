"""The figures of a run as JSON, written and read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from instep.bench.cases import Case
from instep.bench.results import Measurement, Quartiles, Results, Timings
from instep.bench.rules import RULES
from instep.commandline.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path


def write(results: Results, path: Path) -> None:
    """Write everything that was measured, and what follows from it, to the file at `path`."""
    figures = {
        "arguments": results.arguments,
        "machine": results.machine,
        "versions": results.versions,
        "skipped": results.skipped,
        "measurements": [_figures(each) for each in results.measurements],
    }
    path.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Any:
    """Return what a file holds."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise CommandError(f"cannot read {path}: it is not JSON") from None


def results_of(figures: Any, path: Path) -> Results:
    """Return what `write` wrote, once it is loaded from the file at `path`."""
    try:
        measurements = [_measurement(each) for each in figures.pop("measurements")]
        return Results(**figures, measurements=measurements)
    except (AttributeError, KeyError, TypeError):
        raise CommandError(f"cannot read {path}: it holds no figures of this benchmark") from None


def case_figures(case: Case) -> dict[str, Any]:
    """Return what a case is, in types that JSON has."""
    return {
        "rule": case.rule.name,
        "hyperparameters": case.rule.hyperparameters,
        "dtype": case.dtype,
        "sizes": case.sizes,
        "layout": case.layout,
        "gradient_buffers": case.gradient_buffers,
        "numbers": case.numbers,
        "threads": case.threads,
        "elements": case.elements,
        "bytes_moved": case.bytes_moved,
    }


def case_of(figures: dict[str, Any]) -> Case:
    """Return the case of which `case_figures` told."""
    rules = {rule.name: rule for rule in RULES}
    return Case(
        rules[figures["rule"]],
        figures["dtype"],
        tuple(figures["sizes"]),
        figures["layout"],
        figures["gradient_buffers"],
        figures["numbers"],
        figures["threads"],
    )


def _figures(measurement: Measurement) -> dict[str, Any]:
    floor = measurement.floor
    return {
        **case_figures(measurement.case),
        "floor": floor,
        "contenders": {
            name: {
                "seconds": timings.seconds._asdict(),
                "rounds": timings.rounds,
                "steps_per_timing": timings.steps,
                "bytes_moved": timings.bytes_moved,
                "bytes_per_second": measurement.bytes_per_second(name),
                "ns_per_element": measurement.ns_per_element(name),
                "ratio_to_instep": measurement.ratio(name),
                "ratio_to_floor": None if floor is None else measurement.ratio(name, to=floor),
            }
            for name, timings in measurement.timings.items()
        },
        "skipped": measurement.skipped,
    }


def _measurement(figures: dict[str, Any]) -> Measurement:
    timings = {
        name: Timings(
            Quartiles(**each["seconds"]),
            each["rounds"],
            each["steps_per_timing"],
            each["bytes_moved"],
        )
        for name, each in figures["contenders"].items()
    }
    return Measurement(case_of(figures), timings, figures["skipped"])
