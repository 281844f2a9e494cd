"""``instep bench``, as it is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from instep.__main__ import main


def bench(*arguments: str) -> int:
    try:
        return main(["bench", *arguments])
    except SystemExit as refused_by_argparse:
        return int(str(refused_by_argparse.code))


def assert_refused(
    arguments: Sequence[str],
    message: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Expect one line, beside the usage, and that nothing is written in an empty folder."""
    monkeypatch.chdir(folder)
    assert bench(*arguments) != 0
    output = capsys.readouterr()
    assert output.out == ""
    *usage, line = output.err.splitlines()
    assert message in line
    assert all(each.startswith("usage: ") for each in usage)
    assert list(folder.iterdir()) == []
