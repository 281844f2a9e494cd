"""The command: ``instep`` or ``python -m instep``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import instep
from instep.bench import command as bench
from instep.commandline.errors import CommandError
from instep.study import command as study


def _info(_: argparse.Namespace) -> int:
    instep.show_config()
    return 0


def main_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="instep", description="In-place optimizer steps on NumPy arrays."
    )
    parser.add_argument("--version", action="version", version=f"instep {instep.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    info = commands.add_parser("info", help="print version, build and threads as JSON")
    info.set_defaults(run=_info)
    bench.add_parser(commands)
    study.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv` and return its exit status."""
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, such as head, has seen enough
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # or what they still hold is written at the end
            os.dup2(nowhere, stream.fileno())
        return 1


def _run(argv: Sequence[str] | None) -> int:
    args = main_parser().parse_args(argv)
    try:
        status: int = args.run(args)
    except CommandError as error:
        print(f"instep: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("instep: interrupted", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
