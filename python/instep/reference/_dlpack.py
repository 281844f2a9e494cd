"""Arrays of other libraries, as the ndarrays that see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import instep._core as _core

ROLES = {"param": "parameter", "grad": "gradient"}
"""What messages call arguments that have not the name of a state."""


def _without_scalars(grads: Any) -> Any:
    """Return gradients with arrays of no axes for NumPy's scalars, which these become so easily."""
    if isinstance(grads, Sequence):
        return [np.asarray(grad) if isinstance(grad, np.generic) else grad for grad in grads]
    return np.asarray(grads) if isinstance(grads, np.generic) else grads


def as_ndarrays(arrays: Any, argument: str) -> Any:
    """Return an argument, an array or a sequence of arrays, with ndarrays alone.

    What is neither an ndarray nor exports DLPack stays what it is, but for a gradient that is a
    scalar of NumPy.
    """
    role = ROLES.get(argument, argument)
    if argument == "grad":
        arrays = _without_scalars(arrays)
    if isinstance(arrays, Sequence):
        return [_core.as_ndarray(array, role, None, k) for k, array in enumerate(arrays)]
    return _core.as_ndarray(arrays, role)
