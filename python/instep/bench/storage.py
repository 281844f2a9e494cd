"""Steps that store in 16 bits, beside those of the same case in float32."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

import instep
from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, NotOffered, Offer, Stepper, each_in_turn
from instep.bench.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from instep.bench.arrays import Arrays
    from instep.bench.cases import Case

BFLOAT16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)

_LACKING = {
    rule.name: "the difference of two states may be all rounding"
    for rule in RULES
    if rule.name == "rmsprop-centered"
}


def _begin(
    case: Case,
    *,
    param: np.dtype[Any] | None = None,
    grad: np.dtype[Any] | None = None,
    copy: bool = False,
    **storage: Any,
) -> Stepper:
    """Return the steps with parameters and gradients of other types, and options of storage."""
    if "state_dtype" in storage and not case.rule.states:
        raise NotOffered("has no states")
    instep.set_num_threads(case.threads)
    arrays, grads = case.arrays()
    params = cast(arrays, param)
    copies = cast(arrays, BFLOAT16) if copy else None
    optimizer = case.rule.optimizer(params, **case.rule.options, copies=copies, **storage)
    return Stepper(
        each_in_turn(optimizer.step, [cast(each, grad) for each in grads]),
        lambda: [array.astype(case.dtype) for array in as_list(params)],
    )


def _bytes_moved(
    case: Case,
    *,
    param: np.dtype[Any] | None = None,
    grad: np.dtype[Any] | None = None,
    copy: bool = False,
    state_dtype: np.dtype[Any] | None = None,
    master_weight_bits: int | None = None,
    **_rounding: str,
) -> int:
    """Return the bytes that such a step has to read and to write.

    The gradient is read, the copy is written; the parameter, what it leaves out of its master, and
    each state are read and written.
    """

    def size(dtype: np.dtype[Any] | None) -> int:
        return (dtype or np.dtype(case.dtype)).itemsize

    rest = 0 if master_weight_bits is None else master_weight_bits // 8 - size(param)
    both = size(param) + rest + len(case.rule.states) * size(state_dtype)
    return case.elements * (size(grad) + BFLOAT16.itemsize * copy + 2 * both)


def cast(arrays: Arrays, dtype: np.dtype[Any] | None) -> Arrays:
    """Return one array or many in another type, where one is given."""
    if dtype is None:
        return arrays
    if isinstance(arrays, list):
        return [array.astype(dtype) for array in arrays]
    return arrays.astype(dtype)


_HALF = {"param": BFLOAT16, "grad": BFLOAT16}

COMBINATIONS: Mapping[str, Mapping[str, Any]] = {
    "bfloat16 states": {"state_dtype": BFLOAT16},
    "bfloat16 states, nearest": {"state_dtype": BFLOAT16, "state_rounding": "nearest"},
    "float16 states": {"state_dtype": np.dtype(np.float16)},
    "bfloat16 parameters": _HALF,
    "bfloat16 with master": {**_HALF, "master_weight_bits": 32},
    "copy": {"copy": True},
    "bfloat16 gradient, copy": {"grad": BFLOAT16, "copy": True},
    "all bfloat16": {**_HALF, "state_dtype": BFLOAT16},
    "all bfloat16, nearest": {**_HALF, "state_dtype": BFLOAT16, "state_rounding": "nearest"},
    "all bfloat16, stochastic": {
        **_HALF,
        "state_dtype": BFLOAT16,
        "param_rounding": "stochastic",
    },
}
"""What is stored in 16 bits, and how, by the names of the contenders."""

CONTENDERS = tuple(
    Contender(
        name,
        functools.partial(_begin, **options),
        Offer(dtypes=("float32",), lacking=_LACKING if "state_dtype" in options else {}),
        functools.partial(_bytes_moved, **options),
    )
    for name, options in COMBINATIONS.items()
)
