"""Constants from what was measured, and the files that keep it."""

import json
from pathlib import Path

import pytest

from instep.bench.processes import json_files
from instep.bench.processes.launch import SHARED_MEMORY, TCP
from instep.bench.processes.model import Link, Speeds
from tests.bench.processes.made_up import SECONDS, launch, measured, results


def test_constants() -> None:
    each = measured()
    assert each.link("all-to-all") == Link(6.0 / 3, 3000 / (36.0 - 6.0))
    assert each.link("all-gather") == Link(2.0 / 2, 3000 / (32.0 - 2.0))
    assert each.speeds == Speeds(0.5, 4000 / 4.0, 11 / 4 * 4000 / 11.0, 250 * 28 / 10.0)


def test_model_and_ratio() -> None:
    each = measured()
    # call, agreement, gradients, adding, rule, parameters, copies
    assert each.model("ordered").total == 0.5 + 2.0 + 36.0 + 11.0 + 10.0 + 32.0 + 9.0
    assert each.model("fast").total == 0.5 + 2.0 + 66.0 + 10.0 + 32.0 + 9.0
    assert each.ratio("ordered") == pytest.approx(120.0 / 100.5)


def test_a_message_that_is_all_latency_has_a_rate() -> None:
    each = measured(seconds={**SECONDS, "all-to-all": 5.0})
    assert each.link("all-to-all") == Link(2.0, 3000 / 0.5)


@pytest.mark.parametrize(
    ("transport", "loopback", "elsewhere"),
    [
        (TCP, 1.02, False),
        (TCP, 0.0, True),
        (TCP, None, False),
        (SHARED_MEMORY, 0.0, False),
        (SHARED_MEMORY, 1.0, True),
    ],
)
def test_the_way_that_messages_went(
    transport: str, loopback: float | None, elsewhere: bool
) -> None:
    assert launch(2, transport, loopback=loopback).went_elsewhere is elsewhere


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = results()
    json_files.write(written, tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    [first, *_] = figures["launches"]
    assert first["measured"][0]["model"]["ordered"]["rule"] == 10.0
    assert json_files.results_of(figures) == written
