"""The part ``digits``: the whole on tiny data, and what its report says of runs made up."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from instep.study.digits.arguments import CONTENDERS
from instep.study.digits.pictures import HIGHEST, draw_losses, lowest
from instep.study.digits.text import describe, is_stuck, momentum, stuck
from instep.study.handwriting.data import Digits, LabelledImages
from instep.study.handwriting.training import CHANCE, Schedule, TrainingRun
from tests.processes import run_python
from tests.study.handwriting.files import digits, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GOOD, BAD = [2.5, 1.0, 0.5, 0.25], [2.5, 2.31, 2.3, 2.32]


def outcome(
    name: str,
    losses: Sequence[float] = GOOD,
    *,
    lr: float = 0.25,
    live_units: tuple[float, ...] = (1.0, 0.5, 0.25),
    accuracy: float = 0.987,
) -> TrainingRun:
    """Return a run of two epochs of two steps."""
    return TrainingRun(
        CONTENDERS[name],
        lr=lr,
        losses=list(losses),
        accuracies=[0.1, 0.5, accuracy],
        steps_per_epoch=2,
        weights={},
        live_units=live_units,
        seconds=0.5,
        reference_seconds=2.0,
    )


def report(*outcomes: TrainingRun) -> str:
    part = LabelledImages(np.zeros((1234, 8, 8, 1), np.float32), np.zeros(1234, np.int32))
    made_up = Digits("made-up digits", part, part[:99])
    text = describe(outcomes, made_up, Schedule(2, 617, 0), "A network")
    return " ".join(text.replace("\n\n", "\n").split("\n"))


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


def test_trains_with_every_optimizer(tmp_path: Path) -> None:
    data = write(tmp_path / "data", digits(200), zipped=True)
    out = tmp_path / "out"
    result = run_python(
        *("-W", "error", "-m", "instep", "study", "digits", "--epochs", "10", "--batch-size", "16"),
        *("--rates", "0.002", "1e20", "--data", str(data), "--out", str(out)),
    )
    assert result.returncode == 0, result.stderr
    titles = [pairing.title for pairing in CONTENDERS.values()]
    for title in titles:
        # Both rates, 10 epochs of 10 batches each.
        assert re.search(rf"{title} .*200/200", result.stderr)

    with (out / "digits-losses.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(dict.fromkeys(row["optimizer"] for row in rows)) == titles
    losses = {
        title: [
            float(row["loss"])
            for row in rows
            if (row["optimizer"], row["learning rate"]) == (title, "0.002")
        ]
        for title in titles
    }
    # From the same weights and on the same first batch.
    assert len({found[0] for found in losses.values()}) == 1
    assert {len(found) for found in losses.values()} == {100}
    for title in ("Adam", "Adam, β₁ = 0", "AMSGrad", "RMSprop", "RMSprop, momentum"):
        assert losses[title][-1] < 0.5 * losses[title][0], title
    # A rate at which runs diverge is no error, and no warning either.
    assert any(not math.isfinite(float(row["loss"])) for row in rows)
    assert (out / "digits-losses.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_losses(tmp_path: Path) -> None:
    data = write(tmp_path / "data", digits(100))
    found = []
    for folder in ("one", "two"):
        result = run_python(
            *("-m", "instep", "study", "digits", "--quick", "--batch-size", "40", "--epochs", "2"),
            *("--optimizers", "adam", "adam", "--rates", "0.01", "0.01", "--seed", "3"),
            *("--data", str(data), "--out", str(tmp_path / folder)),
        )
        assert result.returncode == 0, result.stderr
        found.append((tmp_path / folder / "digits-losses.csv").read_text(encoding="utf-8"))
    assert found[0] == found[1]
    # Two batches in each of two epochs; what is named twice runs once.
    assert len(found[0].splitlines()) == 1 + 2 * 2


REFUSED = {
    ("--batch-size", "17"): "--batch-size 17 is more than the 16 training images",
    ("--data", "absent"): "'absent' does not exist",
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.items(), ids=" ".join)
def test_what_cannot_be_trained_on_is_one_line(
    tmp_path: Path, arguments: tuple[str, str], message: str
) -> None:
    data = write(tmp_path / "data", digits(20))
    result = run_python(
        *("-m", "instep", "study", "digits", "--data", str(data), "--out", str(tmp_path / "out")),
        *arguments,
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert message in line
