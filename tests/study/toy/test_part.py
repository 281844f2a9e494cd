"""``instep study toy``: the same seed finds the same."""

from __future__ import annotations

import argparse

import pytest

from instep.study.progress import Progress
from instep.study.toy import part


def test_the_same_seed_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "QUICK_ITERATIONS", 1500)

    def found(seed: int) -> tuple[str, list[list[tuple[object, ...]]]]:
        with Progress() as progress:
            findings = part.run(argparse.Namespace(seed=seed, quick=True), progress)
        return findings.text, [list(curves.rows()) for curves in findings.curves]

    first, again, other = found(0), found(0), found(1)
    assert first == again
    assert first[0] != other[0]
