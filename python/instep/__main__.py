"""The command: ``instep`` or ``python -m instep``."""

from __future__ import annotations

import argparse
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
