"""The folder of a study: what is in its files, and when a part counts as finished."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

import instep
from instep.commandline.errors import CommandError
from instep.study.report.archive import DPI, Archive
from instep.study.report.findings import Curves, Findings, Picture
from tests.study.made_up import findings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS: dict[str, Any] = {"seed": 0, "quick": False, "rates": [0.1, 1e-4], "data": None}


def store(folder: Path, found: Findings | None = None, part: str = "part") -> Archive:
    archive = Archive(folder)
    archive.store(part, "The title", SETTINGS, found or findings(), 2.5)
    return archive


def test_nothing_is_finished_at_first(tmp_path: Path) -> None:
    assert not Archive(tmp_path).has("part", SETTINGS)


def test_what_is_stored_is_finished_also_for_a_later_process(tmp_path: Path) -> None:
    assert store(tmp_path).has("part", SETTINGS)
    assert Archive(tmp_path).has("part", SETTINGS)


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"rates": [0.1]}, {"more": 1}], ids=lambda other: next(iter(other))
)
def test_other_settings_are_not_finished(tmp_path: Path, other: dict[str, Any]) -> None:
    assert not store(tmp_path).has("part", SETTINGS | other)


def test_another_version_is_not_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path)
    monkeypatch.setattr(instep, "__version__", "99")
    assert not Archive(tmp_path).has("part", SETTINGS)


FILES = ["part-curve.png", "part-numbers.csv", "part.json", "part.md"]


@pytest.mark.parametrize("missing", FILES)
def test_a_part_that_lacks_a_file_is_not_finished(tmp_path: Path, missing: str) -> None:
    archive = store(tmp_path)
    (tmp_path / missing).unlink()
    assert not archive.has("part", SETTINGS)
    assert "The title" not in archive.write_report(["part"]).read_text(encoding="utf-8")


MARKS = ["", "{", "[]", "{}", '{"files": 1}', "null"]


@pytest.mark.parametrize("mark", MARKS)
def test_a_damaged_mark_is_none(tmp_path: Path, mark: str) -> None:
    archive = store(tmp_path)
    (tmp_path / "part.json").write_text(mark)
    assert not archive.has("part", SETTINGS)
    assert archive.write_report(["part"]).is_file()
    store(tmp_path)
    assert archive.has("part", SETTINGS)


class InterruptionError(Exception):
    """What comes in between."""


class Interrupted(Figure):
    """A figure whose drawing does not end."""

    def savefig(self, *_: Any, **__: Any) -> None:
        raise InterruptionError


def test_a_part_that_is_interrupted_while_it_is_written_is_not_finished(tmp_path: Path) -> None:
    archive = store(tmp_path)
    found = Findings("Text.", [*findings().pictures, Picture("never", Interrupted(), "")])
    with pytest.raises(InterruptionError):
        store(tmp_path, found)
    assert not archive.has("part", SETTINGS)


def test_a_new_run_leaves_no_file_of_the_old_one(tmp_path: Path) -> None:
    store(tmp_path, findings(pictures=("one", "two")))
    store(tmp_path, part="part-other")
    store(tmp_path, findings(pictures=("two",)))
    assert sorted(path.name for path in tmp_path.iterdir() if "other" not in path.name) == [
        *("part-numbers.csv", "part-two.png", "part.json", "part.md"),
    ]
    assert Archive(tmp_path).has("part-other", SETTINGS)


def test_curves_are_written_to_the_last_bit(tmp_path: Path) -> None:
    values = [0.1, 1 / 3, 5e-324, float("inf"), float("nan")]
    curves = Curves("x", "optimizer", "iteration", "value, or not")
    curves.add("Adam, β₁ = 0", np.arange(5), np.array(values))
    store(tmp_path, Findings("Text.", curves=[curves]))
    with (tmp_path / "part-x.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["optimizer", "iteration", "value, or not"]
    assert [row[:2] for row in rows] == [["Adam, β₁ = 0", str(at)] for at in range(5)]
    np.testing.assert_array_equal([float(row[2]) for row in rows], values)


def test_pictures_are_as_drawn(tmp_path: Path) -> None:
    store(tmp_path)
    drawn = matplotlib.image.imread(tmp_path / "part-curve.png")
    assert drawn.shape[:2] == (2 * DPI, 2 * DPI)
    # White paper, and the colour of a first curve.
    for colour in ((1, 1, 1), (0x1F / 255, 0x77 / 255, 0xB4 / 255)):
        distance = np.abs(drawn[..., :3] - np.array(colour)).max(axis=-1)
        assert distance.min() < 0.02


def test_the_text_has_title_text_pictures_and_numbers(tmp_path: Path) -> None:
    store(tmp_path)
    lines = [line for line in Archive(tmp_path).text("part").splitlines() if line]
    assert lines == [
        "## The title",
        "Text.",
        "![The title: curve](part-curve.png)",
        "Caption of curve.",
        "Numbers: [part-numbers.csv](part-numbers.csv)",
    ]


def test_the_mark_tells_settings_time_and_files(tmp_path: Path) -> None:
    store(tmp_path)
    mark = json.loads((tmp_path / "part.json").read_text(encoding="utf-8"))
    assert mark["settings"] == {**SETTINGS, "version": instep.__version__}
    assert mark["seconds"] == 2.5
    assert sorted(mark["files"]) == [name for name in FILES if name != "part.json"]


def test_the_report_adds_the_times_up(tmp_path: Path) -> None:
    store(tmp_path, part="one")
    archive = store(tmp_path, part="two")
    report = archive.write_report(["two", "absent", "one"]).read_text(encoding="utf-8")
    assert "in 5 s" in report
    assert report.index("two-curve.png") < report.index("one-curve.png")


@pytest.mark.parametrize("name", FILES)
def test_what_cannot_be_written_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "in the way").mkdir(parents=True)
    with pytest.raises(CommandError, match=r"^cannot write into '.*': "):
        store(tmp_path)


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    archive = store(tmp_path)
    (tmp_path / "report.md").mkdir()
    with pytest.raises(CommandError, match=r"^cannot write into '.*': "):
        archive.write_report(["part"])
