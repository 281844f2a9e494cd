"""Arrays of other libraries, as the ndarrays that see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import instep._core as _core

ROLES = {"param": "parameter", "grad": "gradient"}
"""What messages call arguments that have not the name of a state."""


def as_ndarrays(arrays: Any, argument: str) -> Any:
    """Return an argument, an array or a sequence of arrays, with ndarrays alone.

    What is neither an ndarray nor exports DLPack stays what it is.
    """
    role = ROLES.get(argument, argument)
    if isinstance(arrays, Sequence):
        return [_core.as_ndarray(array, role, None, k) for k, array in enumerate(arrays)]
    return _core.as_ndarray(arrays, role)
