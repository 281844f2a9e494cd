"""How the reference rounds to 16 bits: nearest beside oracles, stochastic by all random bits."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from instep.reference import narrow
from tests.cases import DTYPES, HALVES, Array
from tests.compare import assert_same_bits

every_half = pytest.mark.parametrize("half", HALVES, ids=str)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)

ALL_RANDOM = np.arange(1 << 16, dtype=np.uint16)

UNIT_ROUNDOFF = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133}


def patterns(half: np.dtype[Any]) -> Array:
    """Return the patterns of all finite magnitudes of a type, and of infinity."""
    infinity = int(np.array(np.inf, half).view(np.uint16))
    return np.arange(infinity + 1, dtype=np.uint16)


def exact(bits: Array, half: np.dtype[Any]) -> Array:
    """Return the numbers of patterns, with infinity where the next number would be."""
    numbers = bits.view(half).astype(np.float64)
    numbers[-1] = 2 * numbers[-2] - numbers[-3]
    return numbers


def random_patterns(size: int) -> Array:
    """Return float32 numbers of any kind."""
    bits = np.random.default_rng(0).integers(0, 2**32, size, dtype=np.uint32)
    return bits.view(np.float32)


# To nearest


@every_half
@every_dtype
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_around_every_number_and_every_tie(
    half: np.dtype[Any], dtype: np.dtype[Any], sign: float
) -> None:
    """A float64 a hair from a tie shows whether it was rounded once: in float32 it is the tie."""
    bits = patterns(half)
    numbers = exact(bits, half)
    ties = (numbers[:-1] + numbers[1:]) / 2
    low, high = bits[:-1], bits[1:]
    even = np.where(low % 2 == 0, low, high)
    finite, tie = numbers[:-1].astype(dtype), ties.astype(dtype)
    for values, expected in (
        (finite, low),
        (np.nextafter(finite, dtype.type(np.inf)), low),
        (np.nextafter(finite[1:], dtype.type(0)), low[1:]),
        (np.nextafter(tie, dtype.type(0)), low),
        (tie, even),
        (np.nextafter(tie, dtype.type(np.inf)), high),
    ):
        assert_same_bits(
            narrow(values * dtype.type(sign), half), (expected.view(half) * half.type(sign))
        )


def test_numpy_and_ml_dtypes_round_alike() -> None:
    edges = np.add.outer(np.arange(1 << 16) << 16, [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
    values = np.concatenate(
        [edges.astype(np.uint32).ravel().view(np.float32), random_patterns(10**6)]
    )
    with np.errstate(all="ignore"):
        for half in HALVES:
            assert_same_bits(narrow(values, half), values.astype(half))
        doubles = values.astype(np.float64) * (1 + 2.0**-40)
        assert_same_bits(narrow(doubles, np.float16), doubles.astype(np.float16))
        assert_same_bits(narrow(doubles, np.float32), doubles.astype(np.float32))


@every_half
def test_nearest_is_within_its_bound(half: np.dtype[Any]) -> None:
    values = in_range(half)
    error = abs(narrow(values, half).astype(np.float64) - values)
    bound = UNIT_ROUNDOFF[half.name] * abs(values.astype(np.float64)) + SMALLEST[half.name] / 2
    assert (error <= bound).all()


def in_range(half: np.dtype[Any]) -> Array:
    values = random_patterns(10**6)
    largest = float(ml_dtypes.finfo(half).max)  # type: ignore[no-untyped-call]
    return values[abs(values) <= largest]


# Stochastically

RESIDUES = (0, 1, 2, 3, 0x1234, 0x7FFF, 0x8000, 0x8001, 0xABCD, 0xFFFE, 0xFFFF)
"""Parts of 2**16 of the way from one number of 16 bits to the next."""


def highest(count: int) -> Array:
    """Return whether random bits are among so many of the highest."""
    return np.arange(1 << 16) >= 2**16 - count


@pytest.mark.parametrize("residue", RESIDUES)
@pytest.mark.parametrize("sign", [0, 0x8000])
def test_the_probability_in_bfloat16_is_the_residue(residue: int, sign: int) -> None:
    """Of all random bits, also among subnormal numbers and at the ends of exponents."""
    for low in (0, 1, 0x7F, 0x80, 0x3F80, 0x3FFF, 0x7F7E):
        value = np.array((sign | low) << 16 | residue, np.uint32).view(np.float32)
        stored = narrow(np.full(1 << 16, value), HALVES[1], ALL_RANDOM).view(np.uint16)
        up = highest(residue)
        assert (stored == np.where(up, (sign | low) + 1, sign | low)).all()


@pytest.mark.parametrize("residue", RESIDUES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_probability_in_float16_is_the_residue(residue: int, sign: float) -> None:
    """Of 13 bits, or of all that float32 has where the type is subnormal."""
    for low in (0, 1, 0x3FF, 0x400, 0x401, 0x3C00, 0x3FFF, 0x7BFE):
        below, above = np.array([low, low + 1], np.uint16).view(np.float16).astype(np.float64)
        part = residue if low < 0x3FF else residue // 8 * 8
        value = np.float32(sign * (below + (above - below) * part / 2**16))
        stored = narrow(np.full(1 << 16, value), np.float16, ALL_RANDOM)
        up = highest(part) if low >= 0x400 else highest(part)[::-1]
        assert (stored == sign * np.where(up, above, below)).all()


@pytest.mark.parametrize("units", [2.0**-20, 2.0**-18, 1e-4, 0.1, 0.7, 3 + 1e-5, 1000.3])
def test_smaller_parts_of_a_subnormal_float16_are_rounded_to_16_bits(units: float) -> None:
    value = np.float32(units * 2.0**-24)
    stored = narrow(np.full(1 << 16, value), np.float16, ALL_RANDOM)
    mean = stored.astype(np.float64).mean() * 2.0**24
    assert abs(mean - float(value) * 2.0**24) <= 2.0**-17


@every_half
def test_what_the_type_has_stays_whatever_the_bits(half: np.dtype[Any]) -> None:
    """Zeros of both signs, infinities and NaN, too."""
    numbers = ALL_RANDOM.view(half)
    values = numbers.astype(np.float32)
    for random in (0, 1, 0x7FFF, 0x8000, 0xFFFF):
        assert_same_bits(narrow(values, half, np.full_like(ALL_RANDOM, random)), numbers)


@every_half
def test_every_nan_stays_one(half: np.dtype[Any]) -> None:
    """Also one whose payload is in the bits that are cut off."""
    payloads = np.array([1, 0x7FFF, 0xFFFF, 0x1FFF, 0x200000, 0x3FFFFF, 0x7FFFFF], np.uint32)
    for first in (0x7F800000, 0xFF800000):
        values = (payloads | np.uint32(first)).view(np.float32)
        for random in (None, *(np.full(len(values), each, np.uint16) for each in (0, 0xFFFF))):
            assert np.isnan(narrow(values, half, random)).all()
            assert (np.signbit(narrow(values, half, random)) == (first > 2**31)).all()


@every_half
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_finite_number_stays_finite(half: np.dtype[Any], sign: float) -> None:
    largest = ml_dtypes.finfo(half).max  # type: ignore[no-untyped-call]
    above = np.nextafter(np.float32(largest), np.float32(np.inf))
    for value in (above, np.finfo(np.float32).max):
        stored = narrow(np.full(1 << 16, sign * value, np.float32), half, ALL_RANDOM)
        assert (stored == half.type(sign * largest)).all()


@every_half
def test_stochastic_is_a_neighbour_and_within_its_bound(half: np.dtype[Any]) -> None:
    values = in_range(half)
    random = np.random.default_rng(1).integers(0, 2**16, len(values), dtype=np.uint16)
    stored = narrow(values, half, random).astype(np.float64)
    down, up = (narrow(values, half, np.full_like(random, each)) for each in (0, 0xFFFF))
    assert ((stored == down) | (stored == up)).all()
    bound = 2 * UNIT_ROUNDOFF[half.name] * abs(values.astype(np.float64)) + SMALLEST[half.name]
    assert (abs(stored - values) <= bound).all()


@every_half
@every_dtype
@pytest.mark.parametrize("shape", [(), (0,), (3, 4), (2, 3, 4)])
def test_any_shape_and_layout(half: np.dtype[Any], dtype: np.dtype[Any], shape: Any) -> None:
    values = np.random.default_rng(2).standard_normal(shape[::-1]).astype(dtype)
    values = np.asarray(values).T
    stored = narrow(values, half)
    assert stored.shape == shape
    assert_same_bits(stored, np.array(values, order="C").astype(half))
