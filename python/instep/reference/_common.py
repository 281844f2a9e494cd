"""What all rules of the reference share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instep.docstrings import fill
from instep.reference._dlpack import as_ndarrays
from instep.reference.gradients import Conditions, condition_gradients
from instep.reference.rounding import is_narrow, widen
from instep.reference.storage import Narrowing, StorageArguments, step_stored
from instep.row_gradient import RowGradient

Arrays: TypeAlias = Any
"""An ndarray, or a sequence of ndarrays (one entry for each parameter).

A gradient may be a `RowGradient` instead of an ndarray; another library's array that exports DLPack
from the CPU's memory may stand for any of them.
"""

Scalars: TypeAlias = Any
"""A number that a parameter has beside its step count: an array of one float64 without axes.

For a sequence of parameters a sequence of such arrays.
"""

_NUMBERS = (int, float, type(None))

P = ParamSpec("P")


class Further(Conditions, StorageArguments):
    """Keyword arguments of every step function beside its rule's options."""


_PARAGRAPHS = {
    "param": r"""
        param : ndarray or sequence of ndarray
            Parameter :math:`\theta`, any shape. Changed in place. The working type, in which all is
            computed, is float64 for float64, and float32 for float32, float16 and bfloat16 (of the
            package ``ml_dtypes``).
        """,
    "grad": """
        grad : ndarray or sequence of ndarray
            Gradient, of the parameter's shape, in the working type or one whose numbers that has:
            float16, bfloat16 and, for float64, float32.
        """,
    "step": """
        step : int, optional
            Number of this step, from 1: only what is stored stochastically depends on it.
        """,
    "further": """
        **further
            What is done to the gradients of all arrays of the call together before the rule meets
            them: see `instep.reference.condition_gradients`. With `flush_subnormals` the compiled
            function takes subnormal numbers for zero: see `instep.Optimizer`.

            And how the result is stored. States are of the working type or, where that is float32,
            of float16 or bfloat16; the parameter is stepped with the states as computed.

            - `state_rounding`: "stochastic", the default, or "nearest", or a mapping from the names
              of states to these. `max_exp_avg_sq` is always rounded to nearest.
            - `param_rounding`: "nearest", the default, or "stochastic".
            - `param_rest`: what bfloat16 parameters lack to numbers of float32, which are then
              stepped in their place, see `instep.reference.join_master`. Arrays of int16, zeros at
              first, changed in place.
            - `copies`: arrays of float16, bfloat16 or float32 into which the stepped parameter is
              written, rounded to nearest. In a sequence, None stands for none.
            - `seed` and `first_parameter`, 0 by default: what random bits are made of beside
              `step`, see `instep.reference.random_bits`. The latter is the position of the call's
              first parameter among all that there are.
        """,
    "raises": """
        TypeError, ValueError
            When an argument is refused, before anything is written (the compiled function only).
        FloatingPointError
            When a gradient is not finite and `nonfinite` is "raise", before anything is written.
        """,
}


def each_array(rule: Callable[P, None]) -> Callable[P, None]:
    """Let a rule for one array take sequences of equal length, gradients of rows, and 16 bits.

    Before the rule meets them, the gradients of all arrays are conditioned together, and what is
    stored in 16 bits is widened. What the docstrings of all rules share is put into this one's.
    """
    fill(rule, _PARAGRAPHS)
    signature = inspect.signature(rule)
    parameters = signature.parameters.values()
    names = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
    array_names = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    scalar_names = [each.name for each in parameters if each.annotation == "Scalars"]
    state_names = [name for name in array_names[2:] if name not in scalar_names]

    @functools.wraps(rule)
    def step(*args: P.args, **kwargs: P.kwargs) -> None:
        # A NumPy scalar among the options would promote float32 arrays: NEP 50 rounds only
        # Python's own numbers to the array's dtype.
        for name, value in kwargs.items():
            if isinstance(value, np.generic) and name != "grad":
                kwargs[name] = value.item()
        if (
            not (further := kwargs.keys() - names)
            and not scalar_names
            and len(args) > 1
            and isinstance(param := args[0], np.ndarray)
            and isinstance(args[1], np.ndarray)
            and not is_narrow(param)
            and all(
                value.dtype == param.dtype
                if isinstance(value, np.ndarray)
                else isinstance(value, _NUMBERS)
                for value in (*args[1:], *kwargs.values())
            )
        ):
            rule(*args, **kwargs)  # the usual case, without the slow question what is what
            return
        for name in further - Further.__annotations__.keys():
            raise TypeError(f"{rule.__name__}() got an unexpected keyword argument {name!r}")
        conditions = _taken(kwargs, Conditions)
        storage = _taken(kwargs, StorageArguments)
        options = dict(signature.bind(*args, **kwargs).arguments)
        arrays = {name: options.pop(name) for name in array_names if name in options}
        arrays |= {name: storage.pop(name) for name in ("param_rest", "copies") if name in storage}
        step_all(arrays, options, conditions, **storage)

    def step_all(
        given: Mapping[str, Any],
        options: dict[str, Any],
        conditions: dict[str, Any],
        *,
        first_parameter: int = 0,
        **rounding: Any,
    ) -> None:
        arrays = {
            name: as_ndarrays(value, name) for name, value in given.items() if value is not None
        }
        if isinstance(arrays["param"], np.ndarray):
            arrays = {name: [array] for name, array in arrays.items()}
        each = [
            _rows_and_values(_widened(grad, param.dtype))
            for grad, param in zip(arrays.pop("grad"), arrays["param"], strict=True)
        ]
        none = [None] * len(each)
        rests, copies = arrays.pop("param_rest", none), arrays.pop("copies", none)
        scalars = [
            {name: arrays[name][k] for name in scalar_names if name in arrays}
            for k in range(len(each))
        ]
        arrays = {name: of for name, of in arrays.items() if name not in scalar_names}
        written = [
            {name: array for name, array in zip(arrays, of, strict=True) if array is not None}
            for of in zip(*arrays.values(), strict=True)
        ]
        narrowing = Narrowing(state_names, options.get("step"), **rounding)
        for stored in written:
            narrowing.check_step(stored)
        grads = [values for _, values in each]
        conditions.pop("flush_subnormals", None)
        if conditions:
            grads = condition_gradients(grads, **conditions)
        for parameter, ((rows, _), grad, numbers, stored, rest, copy) in enumerate(
            zip(each, grads, scalars, written, rests, copies, strict=True), first_parameter
        ):
            step_stored(
                functools.partial(rule, grad=grad, **numbers, **options),
                stored,
                rows,
                narrowing,
                parameter=parameter,
                rest=rest,
                copy=copy,
            )

    return step


def _taken(kwargs: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """Take the keyword arguments of a TypedDict out of others."""
    return {name: kwargs.pop(name) for name in wanted.__annotations__ if name in kwargs}


def _widened(grad: Any, dtype: np.dtype[Any]) -> Any:
    """Return a gradient's numbers, or those of its rows, in a parameter's working type."""
    if isinstance(grad, RowGradient):
        return RowGradient(grad.rows, _widened(grad.values, dtype))
    working = np.float64 if dtype == np.float64 else np.float32
    return widen(grad).astype(working, copy=False)


def _rows_and_values(grad: Any) -> tuple[Any, NDArray[Any]]:
    """Return the rows that a gradient is of, each once, or an ellipsis for all, and its values."""
    return summed(grad) if isinstance(grad, RowGradient) else (..., grad)


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
