"""The part ``loss-surface``: directions as long as the filters, and a centre that is the run's."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.study.handwriting.data import Digits, LabelledImages
from instep.study.handwriting.training import Schedule, TrainingRun
from instep.study.loss_surface.filter_directions import (
    filter_lengths,
    move,
    normalise,
    random_direction,
)
from instep.study.loss_surface.pictures import (
    LARGEST_LEVEL,
    SMALLEST_LEVEL,
    common_levels,
    draw_lines,
    draw_squares,
)
from instep.study.loss_surface.slices import Slice, losses_around
from instep.study.loss_surface.text import RISE, describe, edge, rank_correlation
from instep.study.optimizers import OPTIMIZERS
from tests.processes import run_python
from tests.study.handwriting.files import digits, write

if TYPE_CHECKING:
    from pathlib import Path

    from instep.study.arrays import Singles


SHAPES = {
    "conv.weight": (3, 3, 2, 4),
    "conv.bias": (4,),
    "dense.weight": (6, 5),
    "dense.bias": (5,),
}


def weights(seed: int = 0) -> dict[str, Singles]:
    generator = np.random.default_rng(seed)
    return {
        name: 3 * generator.standard_normal(shape, np.float32) for name, shape in SHAPES.items()
    }


def directions(seed: int = 1) -> tuple[dict[str, Singles], dict[str, Singles]]:
    raw = random_direction(weights(), np.random.default_rng(seed))
    return raw, normalise(raw, weights())


def test_each_filter_of_a_direction_is_as_long_as_that_of_the_weights() -> None:
    _, scaled = directions()
    for name, axes in {"conv.weight": (0, 1, 2), "dense.weight": (0,)}.items():
        np.testing.assert_allclose(
            np.linalg.norm(scaled[name].reshape(-1, SHAPES[name][-1]), axis=0),
            np.sqrt((weights()[name] ** 2).sum(axis=axes)),
            rtol=1e-6,
        )
        assert scaled[name].dtype == np.float32


def test_scaling_leaves_each_filter_its_direction() -> None:
    raw, scaled = directions()
    for name in ("conv.weight", "dense.weight"):
        ratios = (scaled[name] / raw[name]).reshape(-1, SHAPES[name][-1])
        np.testing.assert_allclose(ratios, ratios[[0] * len(ratios)], rtol=1e-5)
        assert (ratios > 0).all()


def test_biases_do_not_move() -> None:
    for direction in directions():
        for name in ("conv.bias", "dense.bias"):
            assert not direction[name].any()


def test_a_filter_of_zeros_does_not_move() -> None:
    own = weights()
    own["dense.weight"][:, 2] = 0
    raw, _ = directions()
    scaled = normalise(raw, own)
    assert not scaled["dense.weight"][:, 2].any()
    assert (filter_lengths(scaled["dense.weight"])[[0, 1, 3, 4]] > 0).all()


def test_directions_are_standard_normal_and_of_their_seed() -> None:
    large = {"weight": np.zeros((100, 100), np.float32)}
    one, again, other = (
        random_direction(large, np.random.default_rng(seed))["weight"] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert abs(one.mean()) < 0.05
    assert abs(one.std() - 1) < 0.05


def test_to_move_leaves_the_weights_themselves() -> None:
    own = weights()
    first, second = directions(1)[1], directions(2)[1]
    moved = move(own, (0.5, first), (-2.0, second))
    for name, array in weights().items():
        np.testing.assert_array_equal(own[name], array)
        np.testing.assert_allclose(
            moved[name], array + 0.5 * first[name] - 2.0 * second[name], rtol=1e-5, atol=1e-6
        )


def test_rows_are_along_the_second_direction_and_the_centre_is_exact() -> None:
    own = {"weight": np.array([[0.1, 0.3]], np.float32)}
    first = {"weight": np.array([[1.0, 0.0]], np.float32)}
    second = {"weight": np.array([[0.0, 1.0]], np.float32)}
    steps: list[int] = []

    def loss(moved: dict[str, Singles]) -> float:
        return float(moved["weight"][0, 0] + 10 * moved["weight"][0, 1])

    losses = losses_around(
        *(loss, own, first, second, np.array([-1.0, 0.0, 1.0]), np.array([0.0, 2.0])),
        advance=lambda: steps.append(1),
    )
    assert losses[0, 1] == loss(own)
    np.testing.assert_allclose(losses, [[2.1, 3.1, 4.1], [22.1, 23.1, 24.1]], rtol=1e-6)
    assert len(steps) == 6


def made_up(name: str, losses: np.ndarray, accuracy: float = 0.9) -> Slice:
    outcome = TrainingRun(
        OPTIMIZERS[name],
        lr=0.25,
        losses=[1.0],
        accuracies=[0.1, accuracy],
        steps_per_epoch=1,
        weights={"weight": np.full((2, 2), 2.0, np.float32)},
        live_units=(1.0,),
        seconds=1.0,
        reference_seconds=1.0,
    )
    side = np.linspace(-1, 1, len(losses))
    middle = len(losses) // 2
    return Slice(outcome, float(losses[middle, middle]), side, losses, side, losses[middle])


BOWL = np.add.outer(np.linspace(-1, 1, 5) ** 2, np.linspace(-1, 1, 5) ** 2) + 0.125
SURFACES = {
    "bowl": BOWL,
    "flat": np.full((5, 5), 2.5),
    "steep": BOWL * 1e30,
    "deep": BOWL * 1e-30,
    "infinite outside": np.where(BOWL > 1, math.inf, BOWL),
    "nowhere a number": np.full((5, 5), math.nan),
}


@pytest.mark.parametrize("losses", SURFACES.values(), ids=list(SURFACES))
def test_every_surface_gets_pictures_and_a_report(losses: np.ndarray, tmp_path: Path) -> None:
    slices = [made_up("adam", losses), made_up("sgd", losses)]
    draw_squares(slices).figure.savefig(tmp_path / "squares.png")
    draw_lines(slices).figure.savefig(tmp_path / "lines.png")
    part = LabelledImages(np.zeros((8, 2, 2, 1), np.float32), np.zeros(8, np.int32))
    text = describe(slices, Digits("made-up", part, part), Schedule(1, 4, 0), "A network", 8)
    assert "| SGD | 0.25 |" in text


def test_the_report_measures_the_basin() -> None:
    """Of 25 points of the bowl those up to 0.5 above the centre are the 3 by 3 around it."""
    assert RISE == 0.5
    part = LabelledImages(np.zeros((8, 2, 2, 1), np.float32), np.zeros(8, np.int32))
    slices = [made_up("adam", BOWL, 0.5), made_up("sgd", BOWL / 8, 0.75)]
    text = describe(slices, Digits("made-up", part, part), Schedule(1, 4, 0), "A network", 8)
    assert "| Adam | 0.25 | 0.125 | 50.0% | 4.00 | 1.38 | 36.0% |" in text
    assert "SGD (100.0%) and Adam (36.0%)" in " ".join(text.split())
    assert "test accuracy is 1.00" in text


def test_the_edge_is_the_outermost_ring() -> None:
    assert sorted(edge(made_up("adam", np.arange(9.0).reshape(3, 3)))) == [0, 1, 2, 3, 5, 6, 7, 8]


@given(
    losses=st.lists(
        st.floats(1e-12, 1e30) | st.sampled_from([0.0, 1.0, 1e-3, 3.0]), min_size=4, max_size=4
    )
)
def test_all_panels_have_levels_around_all_losses(losses: list[float]) -> None:
    found = np.clip(losses, SMALLEST_LEVEL, LARGEST_LEVEL)
    levels = common_levels([made_up("adam", np.reshape(losses, (2, 2)))])
    assert levels == sorted(set(levels))
    assert len(levels) >= 2
    assert levels[0] <= found.min() < levels[1]
    assert levels[-2] <= found.max() < levels[-1]


@pytest.mark.parametrize(
    ("first", "second", "coefficient"),
    [
        ([1, 2, 3], [10, 20, 30], 1.0),
        ([1, 2, 3], [1, 0, -5], -1.0),
        ([1, 2, 3, 4], [2, 1, 4, 3], 0.6),
        ([1, 2, 2, 3], [1, 2, 2, 3], 1.0),
        ([1, 1], [1, 2], math.nan),
    ],
)
def test_rank_correlation(first: list[float], second: list[float], coefficient: float) -> None:
    assert rank_correlation(first, second) == pytest.approx(coefficient, nan_ok=True)


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
