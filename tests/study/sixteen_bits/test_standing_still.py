"""What rounding to nearest stops goes on where it is rounded stochastically, or has a master."""

from __future__ import annotations

import numpy as np
import pytest

from instep.study.sixteen_bits.combinations import BASE, BFLOAT16
from instep.study.sixteen_bits.standing_still import DESCENT, LOUD, LR, mean_squares, weights

SEEDS = (0, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_weight(seed: int) -> None:
    walks = {walk.title: np.array(walk.values) for walk in weights(seed)}
    assert walks[BASE][-1] == pytest.approx(1 - DESCENT * LR, abs=1e-4)
    assert set(walks["bfloat16, nearest"]) == {1.0}
    # The end of DESCENT steps, each of which goes down by a whole unit or not at all.
    assert walks["bfloat16, stochastic"][-1] == pytest.approx(walks[BASE][-1], abs=0.15)
    shown = walks[BASE].astype(np.float32).astype(BFLOAT16)
    with_master = walks["bfloat16 with its master"].astype(BFLOAT16)
    np.testing.assert_array_equal(with_master, shown)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_of_squares(seed: int) -> None:
    walks = {walk.title: np.array(walk.values) for walk in mean_squares(seed)}
    loud = LOUD[1]
    nearest, stochastic = walks["bfloat16, nearest"], walks["bfloat16, stochastic"]
    assert nearest[loud] < 0.5 * walks[BASE][loud]
    assert set(nearest[loud:]) == {nearest[loud]}
    np.testing.assert_allclose(stochastic[100:], walks[BASE][100:], rtol=0.25)
