"""Optimizers that store in 16 bits, in every way that there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from tests.api.model import copied, make, narrow_states, random_arrays
from tests.cases import Array

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOAT16 = np.dtype(np.float16)


def odd_parameters() -> list[Array]:
    """Return parameters of each type but float16, of several layouts, with values of their own."""
    layouts: list[Array] = [
        np.empty((3, 4), BFLOAT16),
        np.empty((6, 8), BFLOAT16)[::2, ::-3],
        np.empty((3, 4), np.float32, order="F"),
        np.empty(5),
        np.empty((), BFLOAT16),
        np.empty((0, 3), BFLOAT16),
    ]
    for array, values in zip(layouts, random_arrays(layouts, seed=3), strict=True):
        array[...] = values
    return layouts


def narrow(name: str, params: Any, options: Mapping[str, Any], **storage: Any) -> Any:
    """Return an optimizer whose states lie in both types of 16 bits, in turns."""
    names = narrow_states(name, options)
    dtypes = {state: (BFLOAT16, FLOAT16)[k % 2] for k, state in enumerate(names)}
    return make(name, params, **options, **{"state_dtype": dtypes, "seed": 3, **storage})


def with_master_and_copies(name: str, params: list[Array], **options: Any) -> Any:
    """Return one whose parameters of bfloat16 keep masters; all but one have copies."""
    dtypes = (FLOAT16, np.dtype(np.float32), BFLOAT16)
    copies: list[Any] = [np.zeros(each.shape, dtypes[k % 3]) for k, each in enumerate(params)]
    copies[-1] = None
    storage = {"master_weight_bits": 32, "copies": copies, "seed": options.pop("seed", 3)}
    return narrow(name, params, options, **storage)


def by_chance(name: str, params: list[Array], **options: Any) -> Any:
    """Return one whose parameters are rounded stochastically."""
    more = [*params, *copied([np.full(3, 0.5, FLOAT16)])]
    return narrow(name, more, options, param_rounding="stochastic")


WAYS = {"master and copies": with_master_and_copies, "by chance": by_chance}
