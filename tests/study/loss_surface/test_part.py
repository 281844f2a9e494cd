"""``instep study loss-surface``: the whole on tiny data."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from instep.study.optimizers import OPTIMIZERS
from tests.processes import run_python
from tests.study.handwriting.files import digits, write

if TYPE_CHECKING:
    from pathlib import Path


def test_the_centre_has_the_loss_of_the_trained_network(tmp_path: Path) -> None:
    """The whole part: centre of square and line, and the loss that the report tells."""
    data = write(tmp_path / "data", digits(100))
    out = tmp_path / "out"
    result = run_python(
        *("-W", "error", "-m", "instep", "study", "loss-surface", "--quick"),
        *("--data", str(data), "--out", str(out)),
    )
    assert result.returncode == 0, result.stderr
    centres = []
    for name in ("squares", "lines"):
        with (out / f"loss-surface-{name}.csv").open(newline="", encoding="utf-8") as file:
            centres.append(
                {
                    row["optimizer"]: row["loss"]
                    for row in csv.DictReader(file)
                    if float(row["along first"]) == float(row.get("along second", 0)) == 0
                }
            )
    assert centres[0] == centres[1]
    assert list(centres[0]) == [pairing.title for pairing in OPTIMIZERS.values()]
    text = (out / "loss-surface.md").read_text(encoding="utf-8")
    for title, loss in centres[0].items():
        assert f"| {title} | {OPTIMIZERS[title.lower()].lr:g} | {float(loss):#.3g} |" in text
