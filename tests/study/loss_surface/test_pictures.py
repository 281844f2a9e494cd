"""What is drawn of slices that are made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.study.handwriting.data import Digits, LabelledImages
from instep.study.handwriting.training import Schedule
from instep.study.loss_surface.pictures import (
    LARGEST_LEVEL,
    SMALLEST_LEVEL,
    common_levels,
    draw_lines,
    draw_squares,
)
from instep.study.loss_surface.text import describe
from tests.study.loss_surface.made_up import SURFACES, made_up

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("losses", SURFACES.values(), ids=list(SURFACES))
def test_every_surface_gets_pictures_and_a_report(losses: np.ndarray, tmp_path: Path) -> None:
    slices = [made_up("adam", losses), made_up("sgd", losses)]
    draw_squares(slices).figure.savefig(tmp_path / "squares.png")
    draw_lines(slices).figure.savefig(tmp_path / "lines.png")
    part = LabelledImages(np.zeros((8, 2, 2, 1), np.float32), np.zeros(8, np.int32))
    text = describe(slices, Digits("made-up", part, part), Schedule(1, 4, 0), "A network", 8)
    assert "| SGD | 0.25 |" in text


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
