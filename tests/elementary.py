"""Arguments of the portable functions: over all doubles, and densely where something may happen."""

from __future__ import annotations

import itertools

import numpy as np

from instep.reference import elementary
from tests.cases import Array

COUNT = 4000
"""How many numbers there are of each kind."""

SPECIAL = [
    *(0.0, 5e-324, 2.0**-1022, 2.0**-53, 0.5, 1 - 2.0**-53, 1.0, 1 + 2.0**-52, 1.5, 2.0, 3.0),
    *(2.0**53 - 1, 2.0**53, 2.0**996, 1.7976931348623157e308, np.inf, np.nan),
]
EDGES = np.array([*SPECIAL, *(-each for each in SPECIAL)])

rng = np.random.default_rng(0)


def any_doubles(count: int) -> Array:
    """Return doubles of any bits: each exponent is as frequent as any other."""
    return rng.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)


def near_one(count: int) -> Array:
    """Return numbers as far from 1 as their last place, a half, or anything between."""
    return 1 + rng.uniform(-0.5, 0.5, count) * 2.0 ** rng.integers(-51, 1, count)


def powers() -> tuple[Array, Array]:
    """Return bases and exponents whose powers lie anywhere among doubles and a little beyond."""
    positive = np.abs(any_doubles(COUNT))
    ordinary = rng.uniform(0.1, 10.0, COUNT)
    base = np.concatenate([positive[np.isfinite(positive)], ordinary, near_one(2 * COUNT)])
    base = base[(base > 0) & (base != 1)]
    exponent = rng.uniform(-750, 715, base.size) / np.log(base)
    whole = rng.integers(-40, 40, COUNT).astype(float)
    signed = rng.uniform(-4.0, 4.0, COUNT)
    decay, count = 1 - 10.0 ** rng.uniform(-6, -1, COUNT), rng.integers(1, 2**31, COUNT) + 0.0
    # Their squares have 54 bits and end in 1: every error, however small, decides how they round.
    ties, two = 2.0 * rng.integers(2**26 - 2**24, 2**26, COUNT) + 1, np.full(COUNT, 2.0)
    x = np.concatenate([base, signed, decay, ties, any_doubles(COUNT)])
    return x, np.concatenate([exponent, whole, count, two, any_doubles(COUNT)])


def arguments() -> dict[str, tuple[Array, Array]]:
    """Return first and second arguments of each function; exp and log take no second."""
    exponents = [
        *(rng.uniform(-1, 1, COUNT), rng.uniform(-708, 710, COUNT), rng.uniform(-746, -708, COUNT)),
        *(any_doubles(COUNT), EDGES, np.array([709.782712893384, 709.7827128933841, -745.2])),
    ]
    roots = np.sqrt(0.5) * (1 + rng.uniform(-1e-15, 1e-15, COUNT))
    numbers = [np.abs(any_doubles(COUNT)), near_one(COUNT), rng.uniform(0.5, 2, COUNT), roots]
    exp, log = np.concatenate(exponents), np.concatenate([*numbers, any_doubles(COUNT), EDGES])
    pairs = np.array(list(itertools.product(EDGES, EDGES))).T
    x, y = (np.concatenate(each) for each in zip(powers(), pairs, strict=True))
    return {"exp": (exp, 0 * exp), "log": (log, 0 * log), "pow": (x, y)}


with np.errstate(invalid="ignore"):
    ARGUMENTS = arguments()


def portable_values(name: str, x: Array, y: Array) -> list[float]:
    """Return the values of the portable function in Python."""
    if name == "pow":
        return list(map(elementary.portable_pow, x.tolist(), y.tolist()))
    return list(map(getattr(elementary, f"portable_{name}"), x.tolist()))
