"""Table and picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.extras import CommandError
from instep.study.optimizers import OPTIMIZERS
from instep.study.report import RunningMean, draw_losses, print_table
from instep.study.training import Outcome

if TYPE_CHECKING:
    from pathlib import Path


def outcome(name: str, losses: list[float]) -> Outcome:
    return Outcome(
        OPTIMIZERS[name],
        lr=0.25,
        losses=losses,
        final_loss=losses[-1],
        accuracy=0.987,
        seconds=0.5,
        reference_seconds=2.0,
    )


CURVES = {
    "falling": [2.0, 1.0, 0.5],
    "one step": [2.3],
    "flat": [2.3, 2.3],
    "down to zero": [2.3, 0.0, 0.0],
    "diverged": [2.3, 3e38, math.inf, math.nan],
    "never finite": [math.nan, math.nan],
}


@pytest.mark.parametrize("losses", CURVES.values(), ids=list(CURVES))
def test_every_curve_gets_a_picture(tmp_path: Path, losses: list[float]) -> None:
    path = tmp_path / "curves.png"
    draw_losses([outcome("adam", losses), outcome("sgd", losses)], "title", path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"^cannot write "):
        draw_losses([outcome("adam", [1.0])], "title", tmp_path / "absent" / "curves.png")


def test_a_title_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    title = r"files in [red] $\nonsense$ [/]"
    print_table([outcome("adam", [1.0])], title, "conditions")
    assert title in capsys.readouterr().out
    draw_losses([outcome("adam", [1.0])], title, tmp_path / "curves.png")


def test_the_table_has_a_row_for_each_optimizer(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [outcome("adam", [0.01234]), outcome("sgd", [math.nan]), outcome("rmsprop", [3e12])]
    print_table(outcomes, "title", "conditions")
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("│")
    ]
    assert rows == [
        ["Adam", "0.25", "0.0123", "98.7%", "0.500 s", "2.000 s", "4.0x"],
        ["SGD", "0.25", "nan", "98.7%", "0.500 s", "2.000 s", "4.0x"],
        ["RMSprop", "0.25", "3.00e+12", "98.7%", "0.500 s", "2.000 s", "4.0x"],
    ]


def test_every_optimizer_has_a_colour_of_its_own() -> None:
    assert len({pairing.colour for pairing in OPTIMIZERS.values()}) == len(OPTIMIZERS)


@given(value=st.floats(-1e3, 1e3), span=st.floats(0, 100), count=st.integers(1, 50))
def test_the_mean_of_equal_values_is_that_value(value: float, span: float, count: int) -> None:
    mean = RunningMean(span)
    assert [mean.update(value) for _ in range(count)] == pytest.approx([value] * count)


def test_the_mean_forgets_old_values() -> None:
    mean = RunningMean(5)
    values = [mean.update(value) for value in [1.0] * 10 + [0.0] * 40]
    assert values[10:] == sorted(values[10:], reverse=True)
    assert 0.5 < values[10] < 1.0
    assert values[-1] < 0.001
