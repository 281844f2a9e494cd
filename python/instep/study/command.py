"""The command ``instep study``: a sub-command for each part of the study, and one for all."""

from __future__ import annotations

import argparse
import re
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

from instep.commandline.errors import require
from instep.commandline.numbers import natural
from instep.study.handwriting.argument import add_data_argument
from instep.study.parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from instep.study.parts import Part

    _Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Train, minimise and draw: where Adam wins, where it fails, and how its relatives compare. Each part
leaves pictures, the numbers of every curve as CSV, and a short report in Markdown; a part that is
finished is not run again.
"""

NOT_DECISIVE = ("out", "again", "run")
"""Arguments that do not change what a part finds."""

IMAGE = re.compile(r"!\[[^]]*\]\(([^)]*)\)")


def add_parser(subparsers: _Subparsers) -> None:
    """Add ``study`` and its parts to the parser of ``instep``."""
    study = subparsers.add_parser(
        "study",
        help="compare the optimizers where they differ, with pictures",
        description=DESCRIPTION,
    )
    parts = study.add_subparsers(required=True, metavar="part")
    _add_parts(parts)
    everything = parts.add_parser(
        "all",
        parents=[_common_arguments()],
        help="all parts",
        description="Run all parts, each with its own defaults. After an interruption the same "
        "command goes on with the parts that are not finished.",
    )
    add_data_argument(everything)
    everything.set_defaults(run=_run_all)


def _add_parts(subparsers: _Subparsers) -> None:
    for part in PARTS.values():
        parser = subparsers.add_parser(
            part.name,
            usage="%(prog)s [options]",
            parents=[_common_arguments()],
            help=part.title,
            description=f"{part.title}.",
        )
        part.add_arguments(parser)
        parser.set_defaults(run=partial(_run, part))


def _common_arguments() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--quick", action="store_true", help="a small version, in a fraction of the time"
    )
    common.add_argument(
        "--seed",
        type=natural,
        default=0,
        metavar="N",
        help="seed of all that is random (default: %(default)s)",
    )
    common.add_argument(
        "--out",
        type=Path,
        default=Path("study"),
        metavar="DIR",
        help="folder for pictures, CSV files and report.md, made when missing "
        "(default: %(default)s)",
    )
    common.add_argument("--again", action="store_true", help="run even what is finished")
    return common


def _run_all(args: argparse.Namespace) -> int:
    _require(PARTS.values())
    given = {name: value for name, value in vars(args).items() if name != "run"}
    parser = argparse.ArgumentParser()
    _add_parts(parser.add_subparsers())
    for part in PARTS.values():
        own = vars(parser.parse_args([part.name]))
        _run(part, argparse.Namespace(**{name: given.get(name, own[name]) for name in own}))
    return 0


def _run(part: Part, args: argparse.Namespace) -> int:
    """Run a part, unless it is finished, and show what it found."""
    _require([part])

    from rich.console import Console
    from rich.markdown import Markdown

    from instep.study.progress import Progress
    from instep.study.report.archive import Archive

    archive = Archive(args.out)
    settings = {name: value for name, value in vars(args).items() if name not in NOT_DECISIVE}
    console = Console()
    if args.again or not archive.has(part.name, settings):
        begin = perf_counter()
        with Progress() as progress:
            findings = part.run(argparse.Namespace(**settings), progress)
        archive.store(part.name, part.title, settings, findings, perf_counter() - begin)
    else:
        console.print(f"{part.name} is finished; --again runs it anew.", markup=False)
    console.print(Markdown(_without_images(archive.text(part.name))))
    report = archive.write_report(PARTS)
    console.print(f"Pictures and numbers: {report}", markup=False, soft_wrap=True)
    return 0


def _require(parts: Iterable[Part]) -> None:
    """Name all that is missing before the first part begins."""
    needs = dict.fromkeys(module for part in parts for module in part.needs)
    require("matplotlib", "rich", *needs, extra="study")


def _without_images(text: str) -> str:
    """Name the files of pictures, which a terminal does not show."""
    return IMAGE.sub(r"Picture: \1", text)
