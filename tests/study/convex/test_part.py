"""``instep study convex``: what it tells and draws."""

from __future__ import annotations

import argparse

from instep.study.convex import part
from instep.study.progress import Progress


def test_finds_all_four_things() -> None:
    findings = part.run(argparse.Namespace(seed=3, quick=True), Progress())
    assert [picture.name for picture in findings.pictures] == [
        *("experiment", "learning-rates", "effective-rates", "memory", "theorem", "schedules")
    ]
    assert "Adam, uncorrected: at every one of them; Adam: at every one of them" in findings.text
    assert "At the end the loss of ScheduleFreeSGD is " in findings.text
