"""What all rules of the reference share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instep.docstrings import fill
from instep.reference._dlpack import as_ndarrays
from instep.reference.gradients import Conditions, condition_gradients
from instep.row_gradient import RowGradient

Arrays: TypeAlias = Any
"""An ndarray, or a sequence of ndarrays (one entry for each parameter).

A gradient may be a `RowGradient` instead of an ndarray; another library's array that exports DLPack
from the CPU's memory may stand for any of them.
"""

_SIMPLE = (np.ndarray, int, float, type(None))

P = ParamSpec("P")

_PARAGRAPHS = {
    "param": r"""
        param : ndarray or sequence of ndarray
            Parameter :math:`\theta` of float32 or float64, any shape. Changed in place.
        """,
    "grad": """
        grad : ndarray or sequence of ndarray
            Gradient, of the parameter's shape and of its dtype or one whose numbers that has:
            float16, bfloat16 (of the package ``ml_dtypes``) and, for float64, float32.
        """,
    "conditions": """
        **conditions
            What is done to the gradients of all arrays of the call together before the rule meets
            them: see `instep.reference.condition_gradients`. With `flush_subnormals` the compiled
            function takes subnormal numbers for zero: see `instep.Optimizer`.
        """,
    "raises": """
        TypeError, ValueError
            When an argument is refused, before anything is written (the compiled function only).
        FloatingPointError
            When a gradient is not finite and `nonfinite` is "raise", before anything is written.
        """,
}


def each_array(rule: Callable[P, None]) -> Callable[P, None]:
    """Let a rule for one array take sequences of equal length, and gradients of rows, as well.

    Before the rule meets them, the gradients of all arrays are conditioned together. What the
    docstrings of all rules share is put into this one's.
    """
    fill(rule, _PARAGRAPHS)
    signature = inspect.signature(rule)
    names = {
        each.name for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD
    }

    @functools.wraps(rule)
    def step(*args: P.args, **kwargs: P.kwargs) -> None:
        # A NumPy scalar among the options would promote float32 arrays: NEP 50 rounds only
        # Python's own numbers to the array's dtype.
        for name, value in kwargs.items():
            if isinstance(value, np.generic) and name != "grad":
                kwargs[name] = value.item()
        conditions: dict[str, Any] = {
            name: kwargs.pop(name) for name in Conditions.__annotations__ if name in kwargs
        }
        conditions.pop("flush_subnormals", None)
        for name in kwargs.keys() - names:  # else a misspelled one would pass for a condition
            raise TypeError(f"{rule.__name__}() got an unexpected keyword argument {name!r}")
        if (
            not conditions
            and len(args) > 1
            and isinstance(param := args[0], np.ndarray)
            and isinstance(grad := args[1], np.ndarray)
            and param.dtype == grad.dtype
            and all(isinstance(value, _SIMPLE) for value in (*args[2:], *kwargs.values()))
        ):
            rule(*args, **kwargs)  # the usual case, without the slow question what is what
            return
        arguments = signature.bind(*args, **kwargs).arguments
        options = {
            name: arguments.pop(name)
            for name, parameter in signature.parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and name in arguments
        }
        arguments = {name: as_ndarrays(value, name) for name, value in arguments.items()}
        if isinstance(arguments["param"], np.ndarray):
            arguments = {name: [array] for name, array in arguments.items() if array is not None}
        each = [
            _rows_and_values(_widened(grad, param.dtype))
            for grad, param in zip(arguments.pop("grad"), arguments["param"], strict=True)
        ]
        grads = [values for _, values in each]
        if conditions:
            grads = condition_gradients(grads, **conditions)
        present = {name: arrays for name, arrays in arguments.items() if arrays is not None}
        for (touched, _), grad, *arrays in zip(each, grads, *present.values(), strict=True):
            step_rows(touched, dict(zip(present, arrays, strict=True), grad=grad), options)

    def step_rows(rows: list[int] | None, arrays: dict[str, Any], options: dict[str, Any]) -> None:
        if rows is None:
            rule(**arrays, **options)  # type: ignore[call-arg]
            return
        grad = arrays.pop("grad")
        touched = {name: array[rows] for name, array in arrays.items()}  # copies
        rule(grad=grad, **touched, **options)  # type: ignore[call-arg]
        for name, array in touched.items():
            arrays[name][rows] = array

    return step


def _widened(grad: Any, dtype: np.dtype[Any]) -> Any:
    """Return a gradient's numbers, or those of its rows, as such of the parameter's dtype."""
    if isinstance(grad, RowGradient):
        return RowGradient(grad.rows, grad.values.astype(dtype, copy=False))
    return grad.astype(dtype, copy=False)


def _rows_and_values(grad: Any) -> tuple[list[int] | None, NDArray[Any]]:
    """Return the rows that a gradient is of, each once, or None for all, and its values."""
    return summed(grad) if isinstance(grad, RowGradient) else (None, grad)


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
