"""The subcommand ``instep bench``."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import instep
from instep._extras import CommandError, require
from instep.bench import machine
from instep.bench.cases import DTYPES, LAYOUTS, RULES, SIZES, Case, table
from instep.bench.measure import measure
from instep.bench.own import INSTEP, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments to the command's parser."""
    parser = subparsers.add_parser(
        "bench",
        usage="%(prog)s [options]",
        help="measure every update rule against the NumPy reference",
        description="Measure every update rule against the NumPy reference: the time of a step, "
        "its memory traffic, and their ratio. Takes about a minute on two cores.",
    )
    rules = {rule.name: rule for rule in RULES}
    parser.add_argument(
        "--rules",
        nargs="+",
        choices=rules,
        default=list(rules),
        metavar="RULE",
        help=f"among {', '.join(rules)} (default: all)",
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=_sizes,
        default=SIZES,
        metavar="N",
        help="elements of the parameter; 200x1000 is 200 parameters of 1,000 elements each "
        "(default: 10 to 10,000,000)",
    )
    parser.add_argument(
        "--dtypes", nargs="+", choices=DTYPES, default=["float32"], help="(default: float32)"
    )
    parser.add_argument(
        "--layouts",
        nargs="+",
        choices=LAYOUTS,
        default=["contiguous"],
        help="how parameters and gradients lie in memory (default: contiguous)",
    )
    parser.add_argument(
        "--threads", type=_positive_int, metavar="N", help="most threads of a step (default: all)"
    )
    parser.add_argument(
        "--seconds-per-case",
        type=_seconds,
        default=0.5,
        metavar="S",
        help="time for each case (default: 0.5); large arrays take longer",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure the cases that `args` ask for, print their table, write their figures."""
    require("rich", extra="bench")
    from instep.bench import report

    rules = [rule for rule in RULES if rule.name in args.rules]
    cases = list(table(rules, args.sizes, args.dtypes, args.layouts))
    _check_memory(cases)
    if args.json is not None:
        _check_writable(args.json)
    if args.threads is not None:
        instep.set_num_threads(args.threads)

    here = machine.describe()
    report.print_heading(here)
    measurements = []
    try:
        with report.progress(len(cases)) as tell:
            for case in cases:
                tell(case)
                measurements.append(measure(case, (INSTEP, REFERENCE), args.seconds_per_case))
    finally:
        # Also when interrupted: what has been measured by then is worth a look.
        if measurements:
            report.print_table(measurements)
    if args.json is not None:
        figures = report.as_dict(here, measurements)
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def _check_memory(cases: Sequence[Case]) -> None:
    needed = len((INSTEP, REFERENCE)) * max(case.bytes_held for case in cases)
    present = machine.memory()
    if present is not None and needed > present:
        raise CommandError(
            f"the largest of --sizes needs {needed / 1e9:,.0f} GB of memory, "
            f"and this machine has {present / 1e9:,.0f} GB"
        )


def _check_writable(path: Path) -> None:
    existed = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise CommandError(f"cannot write --json {path}: {error.strerror}") from None
    if not existed:
        path.unlink()


def _sizes(text: str) -> tuple[int, ...]:
    count, _, size = text.rpartition("x")
    return (_positive_int(size),) * _positive_int(count or "1")


def _positive_int(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of seconds from 0, got {text!r}")
    return value
