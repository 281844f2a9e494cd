"""What is drawn of runs that are made up."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from instep.study.digits.pictures import HIGHEST, draw_losses, lowest
from instep.study.handwriting.training import CHANCE
from tests.study.digits.made_up import GOOD, outcome, report

if TYPE_CHECKING:
    from pathlib import Path

CURVES = {
    "falling": GOOD,
    "one step": [2.3],
    "flat": [2.3, 2.3, 2.3, 2.3],
    "down to zero": [2.3, 0.0, 0.0, 0.0],
    "diverged": [2.3, 3e38, math.inf, math.nan],
    "never finite": [math.nan, math.nan, math.nan, math.nan],
}


@pytest.mark.parametrize("losses", CURVES.values(), ids=list(CURVES))
def test_every_curve_gets_a_picture_and_a_report(losses: list[float], tmp_path: Path) -> None:
    outcomes = [outcome("adam", losses), outcome("sgd", losses, lr=0.5)]
    if len(losses) == 1:
        outcomes = [
            dataclasses.replace(found, accuracies=[0.1, 0.5], steps_per_epoch=1)
            for found in outcomes
        ]
    draw_losses(outcomes, "source").figure.savefig(tmp_path / "picture.png")
    assert 0 < lowest(outcomes) < CHANCE < HIGHEST
    assert "| Adam |" in report(*outcomes)


def test_a_panel_for_each_rate_and_a_curve_for_each_run() -> None:
    outcomes = [outcome(name, lr=lr) for name in ("adam", "adagrad") for lr in (0.5, 0.25, 0.125)]
    figure = draw_losses(outcomes, "source").figure
    assert [axes.get_title() for axes in figure.axes] == [
        *("learning rate 0.5", "learning rate 0.25", "learning rate 0.125"),
        *("", "", ""),
    ]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Adam", "Adagrad"]
    for axes in figure.axes[3:]:
        curves = [line for line in axes.get_lines() if str(line.get_label()) in ("Adam", "Adagrad")]
        for curve in curves:
            np.testing.assert_array_equal(curve.get_xdata(), [0, 2, 4])
            np.testing.assert_array_equal(curve.get_ydata(), [0.1, 0.5, 0.987])
        assert len(curves) == 2


def test_the_view_holds_what_was_learned_and_not_what_blew_up() -> None:
    learned = outcome("adam", [2.5, 1.0, 0.01, 0.001])
    figure = draw_losses([outcome("sgd", CURVES["diverged"]), learned], "source").figure
    bottom, top = figure.axes[0].get_ylim()
    assert 0.0001 < bottom < 0.001
    assert CHANCE < top < 100
