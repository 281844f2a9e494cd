"""``instep study descent``: the same seed finds the same."""

from __future__ import annotations

import argparse

from instep.study.descent import part
from instep.study.progress import Progress


def test_the_same_seed_finds_the_same() -> None:
    first, again = (part.run(argparse.Namespace(seed=1, quick=True), Progress()) for _ in range(2))
    assert first.text == again.text
    assert [list(curves.rows()) for curves in first.curves] == [
        list(curves.rows()) for curves in again.curves
    ]
    assert "c* = 1/(2λ)" in first.text
