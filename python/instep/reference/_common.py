"""What all rules of the reference share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias

import numpy as np

from instep.reference.gradients import Conditions, condition_gradients

Arrays: TypeAlias = Any
"""An ndarray, or a sequence of ndarrays (one entry for each parameter)."""

P = ParamSpec("P")


def each_array(rule: Callable[P, None]) -> Callable[P, None]:
    """Let a rule that is written for one array take sequences of equal length as well.

    Before the rule meets them, the gradients of all arrays are conditioned together.
    """
    signature = inspect.signature(rule)

    @functools.wraps(rule)
    def step(*args: P.args, **kwargs: P.kwargs) -> None:
        # A NumPy scalar among the options would promote float32 arrays: NEP 50 rounds only
        # Python's own numbers to the array's dtype.
        for name, value in kwargs.items():
            if isinstance(value, np.generic):
                kwargs[name] = value.item()
        conditions: dict[str, Any] = {
            name: kwargs.pop(name) for name in Conditions.__annotations__ if name in kwargs
        }
        if args and isinstance(args[0], np.ndarray) and not conditions:
            rule(*args, **kwargs)
            return
        arguments = signature.bind(*args, **kwargs).arguments
        options = {
            name: arguments.pop(name)
            for name, parameter in signature.parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and name in arguments
        }
        if isinstance(arguments["param"], np.ndarray):
            if conditions:
                (arguments["grad"],) = condition_gradients([arguments["grad"]], **conditions)
            rule(**arguments, **options)  # type: ignore[call-arg]
            return
        if conditions:
            arguments["grad"] = condition_gradients(arguments["grad"], **conditions)
        present = {name: arrays for name, arrays in arguments.items() if arrays is not None}
        for each in zip(*present.values(), strict=True):
            rule(**dict(zip(present, each, strict=True)), **options)  # type: ignore[call-arg]

    return step


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
