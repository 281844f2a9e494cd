"""``instep study landscapes``: what it draws, and the same again."""

from __future__ import annotations

import argparse

import pytest

from instep.study.landscapes import part
from instep.study.landscapes.descents import OPTIMIZERS
from instep.study.landscapes.surfaces import SURFACES
from instep.study.progress import Progress

ROSENBROCK, *_, SADDLE = SURFACES
QUICK = argparse.Namespace(seed=0, quick=True)


def test_the_part_has_a_picture_of_each_surface_and_finds_the_same_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(part, "QUICK_RATES", (1e-3, 1e-1))
    found = []
    for _ in range(2):
        with Progress() as progress:
            findings = part.run(QUICK, progress)
        assert [picture.name for picture in findings.pictures] == [
            *(surface.name for surface in SURFACES),
            "losses",
            "escapes",
        ]
        found.append((findings.text, [list(curves.rows()) for curves in findings.curves]))
    assert found[0] == found[1]
    for title in OPTIMIZERS:
        assert found[0][0].count(f"| {title} |") == len(SURFACES) + 1
