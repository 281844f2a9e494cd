"""The page of the command shows what each of its parts says of itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from instep.__main__ import main_parser
from tests.documents.blocks import ROOT


def commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield parser.prog
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from commands(each)


def test_every_command_has_its_help_on_the_page() -> None:
    page = (ROOT / "docs/api/command.md").read_text(encoding="utf-8")
    shown = [line for line in page.splitlines() if line.startswith(".. program-output::")]
    assert shown == [
        f".. program-output:: python -m {command} --help" for command in commands(main_parser())
    ]
