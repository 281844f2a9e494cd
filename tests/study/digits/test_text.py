"""What is told of runs that are made up."""

from __future__ import annotations

import math

import pytest

from instep.study.digits.text import is_stuck, momentum, stuck
from instep.study.handwriting.training import CHANCE
from tests.study.digits.made_up import BAD, GOOD, outcome, report


def test_the_report_has_a_row_for_each_run() -> None:
    text = report(
        outcome("adam"),
        outcome("rmsprop", [2.3, 3e12, 3e12, 3e12], live_units=(0.0, 0.0, 0.0)),
        outcome("adam", [2.0, 1.0, math.nan, math.nan], lr=1e-4),
    )
    assert "made-up digits, 1,234 images to train on, 99 to test on, 2 epochs" in text
    assert "| learning rate 0.25 | final loss | test accuracy | live units |" in text
    assert "| Adam | 0.375 | 98.7% | 100% / 50% / 25% |" in text
    assert "| RMSprop | 3.00e+12 | 98.7% | 0% / 0% / 0% |" in text
    assert "| learning rate 0.0001 | final loss" in text
    assert "| Adam | nan | 98.7% |" in text
    # Both of Adam's runs together.
    assert "| Adam | 8 | 1.000 s | 4.000 s | 4.0× |" in text


@pytest.mark.parametrize(
    ("final", "expected"),
    [(0.5, False), (0.94 * CHANCE, False), (0.96 * CHANCE, True), (1e9, True), (math.nan, True)],
)
def test_stuck_is_who_ends_at_chance_or_above(final: float, expected: bool) -> None:
    assert is_stuck(outcome("adam", [2.3, 1.0, final, final])) == expected


def test_the_dead_are_told_from_the_slow() -> None:
    text = stuck(
        [
            outcome("adam", accuracy=0.9),
            outcome("amsgrad", BAD, live_units=(1.0, 0.0, 0.5), accuracy=0.1),
            outcome("sgd", BAD, accuracy=0.1),
            outcome("sgd", BAD, lr=0.125, accuracy=0.1),
            outcome("adam", [2.0, math.nan, math.nan, math.nan], lr=0.125, accuracy=0.2),
            outcome("adagrad", lr=0.125, accuracy=0.8),
        ]
    )
    assert "Adam at 0.25 (90.0%) and Adagrad at 0.125 (80.0%)." in text
    assert "ended 4 of 6 runs" in text
    assert "1 of them died: a layer of theirs has no live unit: AMSGrad at 0.25." in text
    assert "3 of them have live units in every layer: SGD at 0.25 (loss from 2.50 to 2.31)" in text
    assert "Adam at 0.125 (loss from 2.00 to nan)" in text
    assert "At none of the rates stuck: Adagrad." in text


def test_where_nobody_is_stuck_nobody_is_named() -> None:
    assert "No run ended at the chance level" in stuck([outcome("adam"), outcome("sgd")])


PAIRS: dict[str, tuple[list[float], list[float], str, str]] = {
    "stuck without, free with": (
        *(BAD, GOOD, "RMSprop is stuck at 0.25; with a momentum of 0.9 it is not, at 0.25."),
        "frees 1 from the chance level (RMSprop at 0.25) and brings 0 down to it.",
    ),
    "stuck with and without": (
        *(BAD, BAD, "RMSprop is stuck at 0.25, and with a momentum of 0.9 it is stuck there too."),
        "frees 0 from the chance level and brings 0 down to it.",
    ),
    "stuck with": (
        *(GOOD, BAD, "At none of these rates is RMSprop stuck here."),
        "frees 0 from the chance level and brings 1 down to it (RMSprop at 0.25).",
    ),
    "free with and without": (
        *(GOOD, GOOD, "At none of these rates is RMSprop stuck here."),
        "frees 0 from the chance level and brings 0 down to it.",
    ),
}


@pytest.mark.parametrize(("without", "with_", "where", "count"), PAIRS.values(), ids=list(PAIRS))
def test_the_claim_is_judged_by_the_runs(
    without: list[float], with_: list[float], where: str, count: str
) -> None:
    text = momentum(
        [
            outcome("rmsprop", without, accuracy=0.25),
            outcome("rmsprop-momentum", with_, accuracy=0.75),
            outcome("adam"),
        ]
    )
    assert where in text
    assert f"Pairs of runs without and with momentum at the same rate: 1. Momentum {count}" in text
    assert "with: RMSprop 25.0% → 75.0% at 0.25." in text


def test_adam_is_held_against_itself_without_momentum() -> None:
    text = momentum([outcome("adam", BAD), outcome("adam-beta1-0", GOOD, accuracy=0.5)])
    assert "brings 1 down to it (Adam, β₁ = 0 at 0.25)" in text
    assert "with: Adam 50.0% → 98.7% at 0.25." in text
    assert "RMSprop is stuck" not in text


def test_without_a_pair_there_is_no_judgement() -> None:
    assert momentum([outcome("rmsprop"), outcome("rmsprop-momentum", lr=0.5)]) == ""
