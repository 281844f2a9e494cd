"""Arguments of ``instep bench``."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from instep.bench.arrays import DTYPES, LAYOUTS, NUMBERS
from instep.bench.cases import GRADIENTS
from instep.bench.peers import ALWAYS, PEERS
from instep.bench.presets import DEFAULT, FULL, QUICK, Preset
from instep.bench.rules import RULES, Rule
from instep.commandline.numbers import nonnegative, positive

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

PICTURES = (".png", ".svg", ".pdf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the benchmark can be told."""
    _add_lists(parser.add_argument_group("what is measured: every combination of these lists"))
    _add_times(parser.add_argument_group("how long"))
    _add_processes(parser.add_argument_group("several processes"))
    _add_files(parser.add_argument_group("what is kept"))
    parser.set_defaults(preset=DEFAULT)


def asked_lists(args: argparse.Namespace) -> dict[str, Any]:
    """Return what replaces the preset's own, without repetitions."""
    return {
        field.name: _distinct(value) if isinstance(value, list) else value
        for field in dataclasses.fields(Preset)
        if (value := getattr(args, field.name)) is not None
    }


def asked_peers(args: argparse.Namespace) -> list[str]:
    """Return the peers to load: those named, or all when there is not one name."""
    if args.peers is None:
        return list(ALWAYS)
    return _distinct([*ALWAYS, *(args.peers or PEERS)])


def _distinct(values: Sequence[T]) -> list[T]:
    # Rules cannot be hashed.
    return [each for place, each in enumerate(values) if each not in values[:place]]


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
        choices=PEERS,
        metavar="NAME",
        help=f"other libraries, among {', '.join(PEERS)}; without a name, all that are "
        f"installed (default: {', '.join(ALWAYS)})",
    )
    group.add_argument(
        "--storage",
        action="store_true",
        help="in float32 also steps that store states, parameters or copies in 16 bits; needs "
        "ml_dtypes",
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
        type=nonnegative,
        metavar="S",
        help=f"(default: {DEFAULT.seconds_per_case}; {QUICK.seconds_per_case} and "
        f"{FULL.seconds_per_case} with --quick and --full); large arrays take longer",
    )


def _add_processes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--processes",
        nargs="+",
        type=positive,
        metavar="P",
        help="measure instep.mpi.Sharded instead, on so many processes of this machine, started by "
        "mpiexec, over shared memory and over TCP, beside a model of what a step takes; needs "
        "mpi4py and an MPI; goes with --rules, --sizes, --dtypes and --seconds-per-case "
        "(default: adam, 100,000 to 10,000,000, float32, 4), and --plot draws that model on many "
        "machines",
    )
    group.add_argument(
        "--network-gb-per-s",
        type=_above_zero,
        metavar="GB/S",
        help="of a machine, in the model of many (default: 25)",
    )
    group.add_argument(
        "--network-us",
        type=nonnegative,
        metavar="US",
        help="latency of a message between machines, likewise (default: 2)",
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


def _rule(text: str) -> Rule:
    for rule in RULES:
        if rule.name == text:
            return rule
    names = ", ".join(rule.name for rule in RULES)
    raise argparse.ArgumentTypeError(f"expected one of {names}, got {text!r}")


def _sizes(text: str) -> tuple[int, ...]:
    count, _, size = text.rpartition("x")
    return (positive(size),) * positive(count or "1")


def _above_zero(text: str) -> float:
    value = nonnegative(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def _threads(text: str) -> int | None:
    return None if text == "all" else positive(text)


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix not in PICTURES:
        raise argparse.ArgumentTypeError(f"expected a file .png, .svg or .pdf, got {text!r}")
    return path
