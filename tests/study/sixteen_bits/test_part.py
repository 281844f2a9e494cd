"""``instep study sixteen-bits``: the whole, with few steps."""

from __future__ import annotations

import csv
from statistics import fmean
from typing import TYPE_CHECKING

import pytest

from instep.study.handwriting.training import CHANCE
from instep.study.sixteen_bits.combinations import COMBINATIONS
from tests.processes import run_python

if TYPE_CHECKING:
    from pathlib import Path

QUICK_SEEDS = 2


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    result = run_python(
        *("-W", "error", "-m", "instep", "study", "sixteen-bits", "--quick", "--out", str(folder)),
    )
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def losses(out: Path) -> dict[tuple[str, str], list[list[float]]]:
    """Return for each combination the losses from each seed."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    with (out / "sixteen-bits-losses.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            by_seed = found.setdefault((row["in 16 bits"], row["stored"]), {})
            by_seed.setdefault(row["seed"], []).append(float(row["loss"]))
    return {stored: list(by_seed.values()) for stored, by_seed in found.items()}


def test_every_combination_is_trained_from_every_seed(
    losses: dict[tuple[str, str], list[list[float]]],
) -> None:
    assert list(losses) == [(each.subject, each.title) for each in COMBINATIONS]
    for stored, of_seeds in losses.items():
        assert len(of_seeds) == QUICK_SEEDS, stored
        first, second = of_seeds
        assert first != second, stored


def test_all_begin_with_the_same_weights_but_for_their_rounding(
    losses: dict[tuple[str, str], list[list[float]]],
) -> None:
    for of_seeds in losses.values():
        for curve, base in zip(of_seeds, losses["", "float32"], strict=True):
            assert curve[0] == pytest.approx(base[0], rel=1e-2)


def test_what_is_stored_well_trains_as_float32_does(
    losses: dict[tuple[str, str], list[list[float]]],
) -> None:
    ends = {stored: [curve[-1] for curve in curves] for stored, curves in losses.items()}
    base = ends["", "float32"]
    assert fmean(base) < 0.5 * losses["", "float32"][0][0]
    slow = {("weights", "bfloat16, nearest"), ("weights and states", "all nearest")}
    for stored in ends.keys() - slow - {("states", "float16, stochastic")}:
        assert ends[stored] == pytest.approx(base, rel=0.05), stored
    for stored in slow:
        assert all(end > 1.05 * other for end, other in zip(ends[stored], base, strict=True))
    # The squares of most gradients are 0 in float16, and their steps huge.
    assert not any(end < 2 * CHANCE for end in ends["states", "float16, stochastic"])


def test_the_report_and_its_pictures(out: Path) -> None:
    report = (out / "sixteen-bits.md").read_text(encoding="utf-8")
    for each in COMBINATIONS:
        assert f"| {each.subject} | {each.title} | {each.bytes_per_element} |" in report
    for name in ("losses", "standing-still"):
        assert (out / f"sixteen-bits-{name}.png").read_bytes().startswith(b"\x89PNG")
