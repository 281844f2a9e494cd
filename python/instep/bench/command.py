"""The subcommand ``instep bench``."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from instep.bench import json_file, machine, markdown, peers
from instep.bench.arguments import add_arguments, asked_lists, asked_peers
from instep.bench.files import check_writable
from instep.bench.floors import FLOORS
from instep.bench.measure import measure
from instep.bench.own import FUNCTIONAL, INSTEP, REFERENCE
from instep.bench.presets import DEFAULT
from instep.bench.processes import command as processes
from instep.bench.results import Measurement, Results
from instep.bench.tables import LEGEND, absences, tables
from instep.commandline.errors import CommandError, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from instep.bench.cases import Case
    from instep.bench.contenders import Contender
    from instep.bench.presets import Preset


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments to the command's parser."""
    parser = subparsers.add_parser(
        "bench",
        usage="%(prog)s [options]",
        help="measure every update rule against the floors, NumPy and other libraries",
        description="Measure steps of every update rule, interleaved with the floors that the "
        "machine sets, with NumPy, and with other libraries. Takes about a minute on two cores; "
        "--quick takes less, --full much longer.",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure what `args` ask for, or read it again; print tables, write figures and pictures."""
    require("rich", *["matplotlib"] * (args.plot is not None), extra="bench")
    lists = asked_lists(args)
    others = args.peers is not None or args.storage or args.preset is not DEFAULT
    if args.source is not None:
        if lists or others or args.processes is not None:
            raise CommandError("--from measures nothing: it goes with --json and --plot alone")
        figures = json_file.load(args.source)
        if processes.are_figures(figures):
            return processes.show_again(args, figures)
    elif args.processes is not None:
        return processes.run(args, lists, others)
    processes.check_no_network(args)
    if args.source is not None:
        results = json_file.results_of(figures, args.source)
        drawings = _drawings(args, [each.case for each in results.measurements])
    else:
        preset = dataclasses.replace(args.preset, **lists)
        drawings = _drawings(args, list(preset.cases()))
        results = _measure(preset, asked_peers(args), args.storage)
    if args.json is not None:
        json_file.write(results, args.json)
    for path, draw in drawings.items():
        draw(results).savefig(path)
    _print(results)
    return 0


def _measure(preset: Preset, names: Sequence[str], storage: bool) -> Results:
    """Measure every case of the preset."""
    others, skipped = peers.load(names, storage)
    contenders = [INSTEP, FUNCTIONAL, REFERENCE, *_in_16_bits(storage), *others, *FLOORS]
    cases = list(preset.cases())
    _check_memory(cases, contenders)

    from instep.bench.progress import progress

    measurements: list[Measurement] = []
    results = Results(
        arguments={**preset.in_words(), "peers": names, "storage": storage},
        machine=machine.describe(),
        versions=peers.versions(name for name in names if name not in skipped),
        skipped=skipped,
        measurements=measurements,
    )
    try:
        with progress(len(cases)) as tell:
            for case in cases:
                tell(case)
                measurements.append(measure(case, contenders, preset.seconds_per_case))
    except BaseException:
        # What has been measured by then is worth a look.
        if measurements:
            _print(results)
        raise
    return results


def _in_16_bits(storage: bool) -> Sequence[Contender]:
    """Return instep's steps that store in 16 bits, where they are asked for."""
    if not storage:
        return ()
    require("ml_dtypes", extra="bfloat16")
    from instep.bench.storage import CONTENDERS

    return CONTENDERS


def _print(results: Results) -> None:
    """Print the tables: for people at a terminal, else for a document."""
    heading = machine.in_words(results.machine, results.versions)
    notes = [*LEGEND, *absences(results)]
    if sys.stdout.isatty():
        from instep.bench import terminal

        terminal.print_report(heading, tables(results.measurements), notes)
    else:
        markdown.print_report(heading, tables(results.measurements), notes)


def _drawings(
    args: argparse.Namespace, cases: Iterable[Case]
) -> Mapping[Path, Callable[[Results], Figure]]:
    """Return what is to be drawn to which file, once all files can be written."""
    drawings: dict[Path, Callable[[Results], Figure]] = {}
    if args.plot is not None:
        from instep.bench import roofline, scaling

        drawn = [case for case in cases if len(case.sizes) == 1]
        if not drawn:
            raise CommandError("--plot shows no cases of several arrays, and there are no others")
        drawings[args.plot] = roofline.draw
        if len({case.threads for case in drawn}) > 1:
            drawings[args.plot.with_stem(f"{args.plot.stem}-threads")] = scaling.draw
    for path in drawings:
        check_writable("--plot", path)
    check_writable("--json", args.json)
    return drawings


def _check_memory(cases: Iterable[Case], contenders: Sequence[Contender]) -> None:
    needed = len(contenders) * max(case.bytes_held for case in cases)
    present = machine.memory()
    if present is not None and needed > present:
        raise CommandError(
            f"the largest of --sizes needs {needed / 1e9:,.0f} GB of memory for "
            f"{len(contenders)} contenders, and this machine has {present / 1e9:,.0f} GB"
        )
