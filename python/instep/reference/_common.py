"""What all rules of the reference share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instep.row_gradient import RowGradient

Arrays: TypeAlias = Any
"""An ndarray, or a sequence of ndarrays (one entry for each parameter).

A gradient may be a `RowGradient` instead of an ndarray.
"""

P = ParamSpec("P")


def each_array(rule: Callable[P, None]) -> Callable[P, None]:
    """Let a rule for one array take sequences of equal length, and gradients of rows, as well."""
    signature = inspect.signature(rule)

    @functools.wraps(rule)
    def step(*args: P.args, **kwargs: P.kwargs) -> None:
        # A NumPy scalar among the options would promote float32 arrays: NEP 50 rounds only
        # Python's own numbers to the array's dtype.
        for name, value in kwargs.items():
            if isinstance(value, np.generic):
                kwargs[name] = value.item()
        arguments = signature.bind(*args, **kwargs).arguments
        options = {
            name: arguments.pop(name)
            for name, parameter in signature.parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and name in arguments
        }
        if isinstance(arguments["param"], np.ndarray):
            step_one(arguments, options)
            return
        present = {name: arrays for name, arrays in arguments.items() if arrays is not None}
        for each in zip(*present.values(), strict=True):
            step_one(dict(zip(present, each, strict=True)), options)

    def step_one(arrays: dict[str, Any], options: dict[str, Any]) -> None:
        if not isinstance(arrays["grad"], RowGradient):
            rule(**arrays, **options)  # type: ignore[call-arg]
            return
        rows, grad = summed(arrays.pop("grad"))
        present = [name for name, array in arrays.items() if array is not None]
        touched = {name: arrays[name][rows] for name in present}  # copies
        rule(**touched, grad=grad, **options)  # type: ignore[call-arg,arg-type]
        for name, array in touched.items():
            arrays[name][rows] = array

    return step


def summed(gradient: RowGradient) -> tuple[list[int], NDArray[Any]]:
    """Return the rows of a gradient, each once, and the sum of its values for each.

    Values are added up in order of appearance.
    """
    sums: dict[int, Any] = {}
    for row, value in zip(gradient.rows.tolist(), gradient.values, strict=True):
        sums[row] = sums[row] + value if row in sums else value
    shape = (len(sums), *gradient.values.shape[1:])
    return list(sums), np.array(list(sums.values()), gradient.values.dtype).reshape(shape)


def power(base: float, exponent: int) -> float:
    """Return base ** exponent by repeated squaring.

    Multiplications alone, so that every machine gets the same bits; the ``pow`` of C libraries
    differs among them in the last place.
    """
    result = 1.0
    while exponent > 0:
        if exponent & 1:
            result = result * base
        base = base * base
        exponent >>= 1
    return result
