"""The command ``instep study``: one sub-command for each part of the study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.study import digits

if TYPE_CHECKING:
    import argparse

    from instep.study.digits import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add ``study`` and its parts to the parser of ``instep``."""
    study = subparsers.add_parser(
        "study",
        help="train on real data, compiled steps beside the NumPy reference",
        description="Train on real data, compiled steps beside the NumPy reference.",
    )
    digits.add_parser(study.add_subparsers(required=True, metavar="part"))


def run(args: argparse.Namespace) -> int:
    """Run the part that `args` names and return its exit status."""
    status: int = args.run(args)
    return status
