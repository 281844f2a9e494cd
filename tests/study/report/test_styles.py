"""An optimizer looks the same in every picture, and like no other."""

from __future__ import annotations

import pytest

from instep.study.optimizers import ABLATIONS, OPTIMIZERS, RELATIVES
from instep.study.report.styles import STYLES, style

PAIRINGS = OPTIMIZERS | RELATIVES


def test_no_two_look_alike() -> None:
    assert len(set(STYLES.values())) == len(STYLES)


def test_every_optimizer_has_a_colour_of_its_own() -> None:
    assert len({STYLES[pairing.title][0] for pairing in PAIRINGS.values()}) == len(PAIRINGS)


@pytest.mark.parametrize("title", [each.title for each in (PAIRINGS | ABLATIONS).values()])
def test_every_curve_is_named(title: str) -> None:
    assert style(title)["label"] == title


@pytest.mark.parametrize("title", STYLES)
def test_a_variant_has_the_colour_of_its_optimizer(title: str) -> None:
    assert STYLES[title][0] == STYLES[title.partition(",")[0]][0]
