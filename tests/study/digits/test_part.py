"""``instep study digits``: the whole on tiny data."""

from __future__ import annotations

import csv
import math
import re
from typing import TYPE_CHECKING

import pytest

from instep.study.digits.arguments import CONTENDERS
from tests.processes import run_python
from tests.study.handwriting.files import digits, write

if TYPE_CHECKING:
    from pathlib import Path


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
