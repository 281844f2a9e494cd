"""What rounding to nearest stops: a weight with short steps, a mean that forgets slowly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import instep
from instep.study.sixteen_bits.combinations import BASE, BFLOAT16, NEAREST, STOCHASTIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike

LR = 1e-3
DESCENT = 1200
"""Steps of `LR`: more than lead from 1 to 0."""

LOUD, QUIET = (1.0, 2000), (0.1, 6000)
"""Gradients, and for how many steps."""


@dataclass(frozen=True)
class Walk:
    """How a number goes, from its first value on; `title` tells how it is stored."""

    title: str
    values: list[float]


def weights(seed: int) -> list[Walk]:
    """Return the ways of a weight of 1 that every step of Adam is to make 1e-3 smaller."""
    ways: dict[str, tuple[DTypeLike, Mapping[str, Any]]] = {
        BASE: (np.float32, {}),
        "bfloat16, nearest": (BFLOAT16, {"param_rounding": "nearest"}),
        "bfloat16, stochastic": (BFLOAT16, {"param_rounding": "stochastic"}),
        "bfloat16 with its master": (BFLOAT16, {"master_weight_bits": 32}),
    }
    return [Walk(title, _descend(seed, *way)) for title, way in ways.items()]


def _descend(seed: int, dtype: DTypeLike, options: Mapping[str, Any]) -> list[float]:
    weight = np.ones(1, dtype)
    optimizer = instep.Adam(weight, lr=LR, seed=seed, **options)
    gradient = np.ones(1, np.float32)
    values = [1.0]
    for _ in range(DESCENT):
        optimizer.step(gradient)
        values.append(float(weight[0]))
    return values


def mean_squares(seed: int) -> list[Walk]:
    """Return the ways of Adam's mean of squared gradients, which are loud and then quiet."""
    ways: dict[str, Mapping[str, Any]] = {
        BASE: {},
        "bfloat16, nearest": NEAREST,
        "bfloat16, stochastic": STOCHASTIC,
    }
    return [Walk(title, _remember(seed, options)) for title, options in ways.items()]


def _remember(seed: int, options: Mapping[str, Any]) -> list[float]:
    optimizer = instep.Adam(np.zeros(1, np.float32), seed=seed, **options)
    values = [0.0]
    for size, steps in (LOUD, QUIET):
        gradient = np.full(1, size, np.float32)
        for _ in range(steps):
            optimizer.step(gradient)
            values.append(float(optimizer.state_dict()["state"][0]["exp_avg_sq"][0]))
    return values
