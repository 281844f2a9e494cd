"""Figures as JSON: nothing is lost on the way, and what is none is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instep.bench import json_file
from instep.commandline.errors import CommandError
from tests.bench.made_up import TABLE, results


def test_what_is_written_is_read(tmp_path: Path) -> None:
    there, back = tmp_path / "there.json", tmp_path / "back.json"
    written = results(*TABLE)
    json_file.write(written, there)
    read = json_file.results_of(json_file.load(there), there)
    assert read == written
    json_file.write(read, back)
    assert back.read_bytes() == there.read_bytes()


def test_what_follows_from_the_times_is_there_too(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    json_file.write(results(*TABLE), path)
    one, two, *_ = json.loads(path.read_text(encoding="utf-8"))["measurements"]
    assert two["floor"] == "root floor"
    assert one["floor"] == "traffic floor"
    assert one["hyperparameters"]["betas"] == [0.9, 0.999]
    assert one["contenders"]["numpy"] == {
        "seconds": {"lower": 0.98 * 12.5e-6, "median": 12.5e-6, "upper": 1.02 * 12.5e-6},
        "rounds": 7,
        "steps_per_timing": 2,
        "bytes_moved": 280,
        "bytes_per_second": pytest.approx(280 / 12.5e-6),
        "ns_per_element": pytest.approx(1250),
        "ratio_to_instep": pytest.approx(50),
        "ratio_to_floor": pytest.approx(250),
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("", "it is not JSON"),
        ("\x00", "it is not JSON"),
        ("[]", "it holds no figures of this benchmark"),
        ("{}", "it holds no figures of this benchmark"),
        ('{"measurements": []}', "it holds no figures of this benchmark"),
        ('{"measurements": [{"rule": "no-rule"}]}', "it holds no figures of this benchmark"),
    ],
)
def test_what_is_none_is_refused(content: str | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError) as refused:
        json_file.results_of(json_file.load(path), path)
    assert str(refused.value) == f"cannot read {path}: {reason}"
