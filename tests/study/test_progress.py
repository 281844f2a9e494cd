"""Bars that tell how far a part is."""

from __future__ import annotations

import re

import pytest

from instep.study.progress import Progress


def test_bars_end_with_their_counts_and_notes_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress() as progress:
        first, second = progress.bar("first", 3), progress.bar("second", 5)
        first.advance()
        first.advance(2, "a note")
        second.advance(4, "an old note")
        second.advance(note="a new note")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(r"first .*3/3 .*a note", captured.err)
    assert re.search(r"second .*5/5 .*a new note", captured.err)
    assert "an old note" not in captured.err


def test_without_a_bar_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), Progress():
        raise KeyError
    assert capsys.readouterr() == ("", "")


def test_a_note_stays_until_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        bar = progress.bar("part", 2)
        bar.advance(1, "a note")
        bar.advance()
    assert re.search(r"part .*2/2 .*a note", capsys.readouterr().err)
