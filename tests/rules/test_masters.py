"""A float32 master in a bfloat16 parameter and the int16 that this lacks."""

from __future__ import annotations

import numpy as np
import pytest

from instep.reference import join_master, narrow, split_master
from tests.cases import HALVES, Array
from tests.compare import assert_same_bits

BFLOAT16 = HALVES[1]
INFINITY = 0x7F800000


def values_of_all_uppers() -> Array:
    """Return for each pattern of the upper 16 bits some of the lower, all that are special."""
    rng = np.random.default_rng(0)
    special = [0, 1, 2, 0x3FFF, 0x4000, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xC000, 0xFFFE, 0xFFFF]
    lower = np.concatenate([special, rng.integers(0, 2**16, 20)])
    bits: Array = np.add.outer(np.arange(1 << 16) << 16, lower).astype(np.uint32).ravel()
    return bits.view(np.float32)


def assert_parts_are_whole(masters: Array) -> None:
    param, rest = split_master(masters)
    assert_same_bits(join_master(param, rest), masters)
    nan = np.isnan(masters)
    assert (rest[nan] == 0).all()
    assert (np.isnan(param.astype(np.float32)) == nan).all()


def test_nothing_is_lost() -> None:
    assert_parts_are_whole(values_of_all_uppers())


@pytest.mark.exhaustive
def test_nothing_is_lost_of_any_pattern() -> None:
    for start in range(0, 1 << 32, 1 << 14):
        assert_parts_are_whole(
            np.arange(start, start + (1 << 14), dtype=np.uint32).view(np.float32)
        )


def test_the_parameter_is_the_master_rounded_to_nearest() -> None:
    """With ties away from zero, where narrowing has them to even."""
    masters = values_of_all_uppers()
    param, _ = split_master(masters)
    bits = masters.view(np.uint32)
    tie = bits & 0xFFFF == 0x8000
    assert_same_bits(param[~tie], narrow(masters[~tie], BFLOAT16))
    away = (bits[tie] + 0x8000 >> 16).astype(np.uint16).view(BFLOAT16)
    number = ~np.isnan(masters[tie])
    assert_same_bits(param[tie][number], away[number])


def test_without_a_rest_a_parameter_is_itself() -> None:
    param = np.arange(1 << 16, dtype=np.uint16).view(BFLOAT16)
    master = join_master(param, np.zeros(1 << 16, np.int16))
    assert_same_bits(master, param.astype(np.float32))


def test_a_parameter_that_was_overwritten_is_obeyed_to_half_a_unit() -> None:
    """Whatever rest there is, it makes no NaN of a number, and no other sign."""
    bits = np.arange(1 << 16, dtype=np.uint16)
    param = bits.view(BFLOAT16)
    nan = np.isnan(param.astype(np.float32))
    for rest in (-0x8000, -0x7FFF, -1, 0, 1, 0x1234, 0x7FFF):
        master = join_master(param, np.full(1 << 16, rest, np.int16))
        assert (np.isnan(master) == nan).all()
        pattern = master.view(np.uint32).astype(np.int64)
        assert (pattern >> 31 == bits >> 15).all()
        magnitude = pattern & 0x7FFFFFFF
        moved = abs(magnitude - ((bits.astype(np.int64) & 0x7FFF) << 16))[~nan]
        assert (moved <= abs(rest)).all()
        assert (magnitude[~nan] <= INFINITY).all()


def test_large_masters_show_as_infinity_and_stay_finite() -> None:
    masters = np.array([0x7F7F7FFF, 0x7F7F8000, 0x7F7FFFFF, INFINITY], np.uint32).view(np.float32)
    param, rest = split_master(masters)
    assert np.isinf(param.astype(np.float32)).tolist() == [False, True, True, True]
    assert rest.tolist() == [0x7FFF, -0x8000, -1, 0]
    assert np.isinf(join_master(param, rest)).tolist() == [False, False, False, True]


@pytest.mark.parametrize("shape", [(), (0,), (2, 3, 4)])
def test_any_shape_and_layout(shape: tuple[int, ...]) -> None:
    masters = np.asarray(np.random.default_rng(0).standard_normal(shape[::-1]), np.float32).T
    param, rest = split_master(masters)
    assert param.shape == rest.shape == shape
    strided = [np.repeat(each[..., None], 3, -1)[..., 1] for each in (param, rest)]
    assert_same_bits(join_master(*strided), masters)
