"""The subcommand ``instep bench``."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from instep.bench import json_file, machine, markdown, peers
from instep.bench.cases import DTYPES, GRADIENTS, LAYOUTS, NUMBERS, RULES, Case, Rule
from instep.bench.floors import FLOORS
from instep.bench.measure import measure
from instep.bench.own import INSTEP, REFERENCE
from instep.bench.presets import DEFAULT, FULL, QUICK, Preset
from instep.bench.results import Measurement, Results
from instep.bench.tables import LEGEND, absences, tables
from instep.commandline.errors import CommandError, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matplotlib.figure import Figure

    from instep.bench.contenders import Contender

T = TypeVar("T")

ALWAYS = ("numpy_out",)
"""Peers that need nothing but NumPy, and so take part whether named or not."""

PICTURES = (".png", ".svg", ".pdf")


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
    _add_lists(parser.add_argument_group("what is measured: every combination of these lists"))
    _add_times(parser.add_argument_group("how long"))
    _add_files(parser.add_argument_group("what is kept"))
    parser.set_defaults(run=run, preset=DEFAULT)


def _add_lists(group: argparse._ArgumentGroup) -> None:
    def add(name: str, **keywords: Any) -> None:
        group.add_argument(f"--{name}", nargs="+", **keywords)

    add(
        "rules",
        type=_rule,
        metavar="RULE",
        help=f"among {', '.join(rule.name for rule in RULES)} (default: all)",
    )
    add(
        "sizes",
        type=_sizes,
        metavar="N",
        help="elements of the parameter; 200x1000 is 200 parameters of 1,000 elements each "
        "(default: 10 to 10,000,000)",
    )
    add("dtypes", choices=DTYPES, help="(default: float32)")
    add("layouts", choices=LAYOUTS, help="of parameters and gradients (default: contiguous)")
    add("numbers", choices=NUMBERS, help="that the states hold (default: normal)")
    add(
        "gradients",
        choices=GRADIENTS,
        help="the same gradient buffers for every step, or new ones (default: same)",
    )
    add(
        "threads",
        type=_threads,
        metavar="N",
        help="most threads of a step, or 'all' (default: all)",
    )
    group.add_argument(
        "--peers",
        nargs="*",
        choices=peers.PEERS,
        metavar="NAME",
        help=f"other libraries, among {', '.join(peers.PEERS)}; without a name, all that are "
        f"installed (default: {', '.join(ALWAYS)})",
    )


def _add_times(group: argparse._ArgumentGroup) -> None:
    presets = group.add_mutually_exclusive_group()
    presets.add_argument(
        "--quick",
        dest="preset",
        action="store_const",
        const=QUICK,
        help="two rules, four sizes, less time for each; lists that are given replace these",
    )
    presets.add_argument(
        "--full",
        dest="preset",
        action="store_const",
        const=FULL,
        help="every rule and dtype, 1 to 30,000,000 elements, more time for each; likewise",
    )
    group.add_argument(
        "--seconds-per-case",
        type=_seconds,
        metavar="S",
        help=f"(default: {DEFAULT.seconds_per_case}; {QUICK.seconds_per_case} and "
        f"{FULL.seconds_per_case} with --quick and --full); large arrays take longer",
    )


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    group.add_argument(
        "--plot",
        type=_picture,
        metavar="FILE",
        help="draw the times to FILE, a .png, .svg or .pdf, and to another beside it how they "
        "scale, when several numbers of threads were measured",
    )
    group.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="measure nothing: show again what --json wrote to FILE",
    )


def run(args: argparse.Namespace) -> int:
    """Measure what `args` ask for, or read it again; print tables, write figures and pictures."""
    require("rich", *["matplotlib"] * (args.plot is not None), extra="bench")
    explicit = {
        field.name: _distinct(value) if isinstance(value, list) else value
        for field in dataclasses.fields(Preset)
        if (value := getattr(args, field.name)) is not None
    }
    if args.source is not None:
        if explicit or args.peers is not None or args.preset is not DEFAULT:
            raise CommandError("--from measures nothing: it goes with --json and --plot alone")
        results = json_file.read(args.source)
        drawings = _drawings(args, [each.case for each in results.measurements])
    else:
        preset = dataclasses.replace(args.preset, **explicit)
        drawings = _drawings(args, list(preset.cases()))
        results = _measure(preset, _peers(args.peers))
    if args.json is not None:
        json_file.write(results, args.json)
    for path, draw in drawings.items():
        draw(results).savefig(path)
    _print(results)
    return 0


def _peers(named: Sequence[str] | None) -> list[str]:
    """Return the peers to load: those named, or all when there is not one name."""
    if named is None:
        return list(ALWAYS)
    return _distinct([*ALWAYS, *(named or peers.PEERS)])


def _distinct(values: Sequence[T]) -> list[T]:
    # Rules cannot be hashed.
    return [each for place, each in enumerate(values) if each not in values[:place]]


def _measure(preset: Preset, names: Sequence[str]) -> Results:
    """Measure every case of the preset."""
    others, skipped = peers.load(names)
    contenders = [INSTEP, REFERENCE, *others, *FLOORS]
    cases = list(preset.cases())
    _check_memory(cases, contenders)

    from instep.bench.progress import progress

    measurements: list[Measurement] = []
    results = Results(
        arguments={**preset.in_words(), "peers": names},
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
        _check_writable("--plot", path)
    if args.json is not None:
        _check_writable("--json", args.json)
    return drawings


def _check_memory(cases: Iterable[Case], contenders: Sequence[Contender]) -> None:
    needed = len(contenders) * max(case.bytes_held for case in cases)
    present = machine.memory()
    if present is not None and needed > present:
        raise CommandError(
            f"the largest of --sizes needs {needed / 1e9:,.0f} GB of memory for "
            f"{len(contenders)} contenders, and this machine has {present / 1e9:,.0f} GB"
        )


def _check_writable(option: str, path: Path) -> None:
    existed = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise CommandError(f"cannot write {option} {path}: {error.strerror}") from None
    if not existed:
        path.unlink()


def _rule(text: str) -> Rule:
    for rule in RULES:
        if rule.name == text:
            return rule
    names = ", ".join(rule.name for rule in RULES)
    raise argparse.ArgumentTypeError(f"expected one of {names}, got {text!r}")


def _sizes(text: str) -> tuple[int, ...]:
    count, _, size = text.rpartition("x")
    return (_positive_int(size),) * _positive_int(count or "1")


def _threads(text: str) -> int | None:
    return None if text == "all" else _positive_int(text)


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


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix not in PICTURES:
        raise argparse.ArgumentTypeError(f"expected a file .png, .svg or .pdf, got {text!r}")
    return path
