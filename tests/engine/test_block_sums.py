"""The sums of blocks that processes gather are those of the reference's norm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep._core as _core
from instep.reference.gradients import condition_gradients
from instep.reference.sums import sums_of_squares_of_blocks


def _sums(grad: Any, guarded: bool = False, **options: float) -> Any:
    given = {"scale": 1.0, "bound": np.inf, "rescale": 1.0, **options}
    return _core.block_sums(grad, guarded=guarded, flush_subnormals=False, **given)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 300_000])
def test_they_are_those_of_the_reference(size: int, dtype: Any) -> None:
    grad = np.random.default_rng(size).standard_normal(size).astype(dtype)
    [conditioned] = condition_gradients([grad], grad_scale=4.0, clip_value=0.2)
    expected = sums_of_squares_of_blocks(conditioned.reshape(1, -1), 2.0**300)[0]
    found = _sums(grad, scale=0.25, bound=0.2, rescale=2.0**300)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_told_in_its_block_although_it_was_clamped(value: float) -> None:
    grad = np.ones(10_000, np.float32)
    grad[5000] = value
    assert np.isfinite(_sums(grad, guarded=True, bound=1.0)).tolist() == [True, False, True]


def test_arrays_of_16_bits_are_refused() -> None:
    with pytest.raises(TypeError, match="expected dtype float32 or float64"):
        _sums(np.ones(3, np.float16))
