"""Random bits are a function of where they are used, and look like chance from wherever."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from instep.reference import random_bits
from tests.cases import Array

PLACE = {"seed": 0, "step": 1, "parameter": 0, "slot": 0}

KNOWN: tuple[tuple[int, int, int, int, int, int], ...] = (
    (0, 1, 0, 0, 0, 31391),
    (0, 1, 0, 1, 0, 3666),
    (0, 1, 0, 2, 0, 2747),
    (0, 1, 0, 4, 0, 20574),
    (0, 1, 0, 0, 1, 30794),
    (0, 2, 0, 0, 0, 28342),
    (0, 1, 1, 0, 0, 47427),
    (1, 1, 0, 0, 0, 24771),
    (2**64 - 1, 2**63 - 1, 12345, 3, 999_999, 22270),
    (7, 1000, 3, 4, 2**32 - 1, 23378),
    (7, 1000, 3, 4, 2**32, 65281),
    (7, 1000, 3, 4, 3 * 2**32 + 5, 23873),
)
"""Seed, step, parameter, slot and index, and the bits there."""


def by_hand(seed: int, step: int, parameter: int, slot: int, index: int) -> int:
    """Return the bits of an element, in Python's integers."""
    key = 0
    for x in (seed, step, parameter, 4 * (index // 2**32) + slot // 2):
        z = ((key ^ x) + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        key = z ^ (z >> 31)
    word = (index * 0x9E3779B9 + key) % 2**32
    word ^= word >> 16
    word = word * 0x7FEB352D % 2**32
    word ^= word >> 15
    word = (word + (key >> 32)) * 0x846CA68B % 2**32
    word ^= word >> 16
    return word >> 16 if slot % 2 else word & 0xFFFF


@pytest.mark.parametrize(("seed", "step", "parameter", "slot", "index", "bits"), KNOWN)
def test_known_answers(
    seed: int, step: int, parameter: int, slot: int, index: int, bits: int
) -> None:
    assert by_hand(seed, step, parameter, slot, index) == bits
    place: dict[str, Any] = {"seed": seed, "step": step, "parameter": parameter, "slot": slot}
    assert random_bits(np.array([index]), **place).tolist() == [bits]


def test_every_argument_at_random() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        place: dict[str, Any] = {
            "seed": int(rng.integers(2**64, dtype=np.uint64)),
            "step": int(rng.integers(1, 2**63)),
            "parameter": int(rng.integers(10**6)),
            "slot": int(rng.integers(5)),
        }
        index = rng.integers(2**36, size=20)
        index[10:] %= 2**32
        expected = [by_hand(**place, index=i) for i in index.tolist()]
        assert random_bits(index, **place).tolist() == expected


def test_the_bits_of_an_element_do_not_depend_on_the_others() -> None:
    """Neither on the shape of what is asked for, nor across the point where the key changes."""
    index = np.arange(2**32 - 500, 2**32 + 500)
    bits = random_bits(index, **PLACE)
    order = np.random.default_rng(0).permutation(1000)
    assert (random_bits(index[order], **PLACE) == bits[order]).all()
    assert (random_bits(index.reshape(10, 100).T, **PLACE) == bits.reshape(10, 100).T).all()
    assert random_bits(index[700].reshape(()), **PLACE) == bits[700]
    assert random_bits(index[:0], **PLACE).shape == (0,)


COUNT = 1 << 17
INDEX = np.arange(COUNT)


def uniform(index: Array, **place: int) -> Array:
    """Return the bits as numbers of mean 0 and variance 1."""
    bits: Array = random_bits(index, **{**PLACE, **place})
    return (bits - (2**16 - 1) / 2) / float(np.sqrt((2**32 - 1) / 12))


PLACES: tuple[dict[str, int], ...] = (
    *({"slot": slot} for slot in range(5)),
    *({"step": step} for step in (2, 3, 10, 1000, 10**6, 2**40)),
    *({"parameter": parameter} for parameter in (1, 2, 10, 1000)),
    *({"seed": seed} for seed in (1, 2, 2**32, 2**64 - 1)),
)


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("start", [0, 2**31, 2**32, 5 * 2**32])
def test_every_value_is_as_likely(start: int, place: dict[str, int]) -> None:
    """Mean, each bit, and how often each upper and lower byte comes: 5 standard errors."""
    bits = random_bits(INDEX + start, **{**PLACE, **place})
    assert abs(uniform(INDEX + start, **place).mean()) <= 5 / np.sqrt(COUNT)
    for bit in range(16):
        assert abs((bits >> bit & 1).mean() - 0.5) <= 5 * 0.5 / np.sqrt(COUNT)
    for byte in (bits >> 8, bits & 0xFF):
        found = np.bincount(byte, minlength=256)
        chi_square = ((found - COUNT / 256) ** 2 / (COUNT / 256)).sum()
        assert abs(chi_square - 255) <= 5 * np.sqrt(2 * 255)


def assert_uncorrelated(one: Array, other: Array) -> None:
    limit = 5 / np.sqrt(len(one))
    assert abs((one * other).mean()) <= limit
    # What is rounded up or not is often a matter of the highest bits alone, or of the lowest.
    assert abs((np.sign(one) * np.sign(other)).mean()) <= limit


LAGS = (*range(1, 40), 63, 64, 65, 100, 127, 128, 255, 256, 257, 511, 512, 1000, 1024, 4096, 65536)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_neighbours_are_not_correlated(place: dict[str, int]) -> None:
    numbers = uniform(INDEX, **place)
    for lag in LAGS:
        assert_uncorrelated(numbers[:-lag], numbers[lag:])


@pytest.mark.parametrize("vary", ["step", "parameter", "seed"])
@pytest.mark.parametrize("start", [1, 1000, 2**31 - 3])
def test_steps_parameters_and_seeds_are_not_correlated(vary: str, start: int) -> None:
    """Neither at the same element nor at a neighbour's, whose bits none repeats."""
    one = uniform(INDEX, **{vary: start})
    for apart in (1, 2, 3, 4, 7, 8, 16, 100):
        other = uniform(INDEX, **{vary: start + apart})
        assert_uncorrelated(one, other)
        for lag in (1, 2, 3, 4, 8, 16, 64):
            assert_uncorrelated(one[lag:], other[:-lag])
            assert_uncorrelated(one[:-lag], other[lag:])


def test_the_arrays_of_a_parameter_are_not_correlated() -> None:
    each = [uniform(INDEX, slot=slot) for slot in range(5)]
    for one, other in itertools.combinations(each, 2):
        assert_uncorrelated(one, other)
        for lag in LAGS[:20]:
            assert_uncorrelated(one[lag:], other[:-lag])
            assert_uncorrelated(one[:-lag], other[lag:])


def test_indices_that_32_bits_do_not_tell_apart_are_not_correlated() -> None:
    each = [uniform(INDEX + (start << 32)) for start in (0, 1, 2, 3, 16)]
    for one, other in itertools.combinations(each, 2):
        assert_uncorrelated(one, other)


def test_the_mean_of_what_an_element_meets_in_many_steps() -> None:
    """A training adds up the errors of one element over its steps."""
    index, steps = np.arange(64), 2000
    met = np.array([uniform(index, step=step) for step in range(1, steps + 1)])
    assert (abs(met.mean(axis=0)) <= 5 / np.sqrt(steps)).all()
    for lag in (1, 2, 3, 4, 10):
        assert (abs((met[lag:] * met[:-lag]).mean(axis=0)) <= 5 / np.sqrt(steps - lag)).all()
