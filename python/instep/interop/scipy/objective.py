"""The function that is minimized, with its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import approx_fprime

from instep.parameters import Array


class Objective:
    """What ``minimize`` was given to evaluate, and how often it was evaluated.

    Every call gets a copy of the point: it may keep the array, or write into it.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        jac: Callable[..., Any] | None,
        args: tuple[Any, ...],
        eps: Any,
    ) -> None:
        self._fun = fun
        self._jac = jac
        self._args = args
        self._difference = {} if eps is None else {"epsilon": eps}
        self.nfev: int = 0
        self.njev: int = 0

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Return the function's value at a point and its gradient there, in the point's dtype."""
        value = self._value(x)
        self.njev += 1
        if self._jac is None:
            return value, self._differences(x, value)
        # The value came first: of a pair of both (jac=True), scipy keeps the gradient.
        grad = np.atleast_1d(np.asarray(self._jac(x.copy(), *self._args)))
        if grad.shape != x.shape:
            raise ValueError(f"jac: expected a gradient of shape {x.shape}, got {grad.shape}")
        check_real("jac", grad)
        return value, grad.astype(x.dtype, copy=False)

    def _value(self, x: Array) -> float:
        self.nfev += 1
        value = self._fun(x.copy(), *self._args)
        try:
            return float(np.asarray(value).item())
        except (TypeError, ValueError) as error:
            advice = "" if self._jac else "; where it returns the gradient too, pass jac=True"
            raise type(error)(f"fun: expected a real number, got {value!r}{advice}") from None

    def _differences(self, x: Array, value: float) -> Array:
        def known(point: Array) -> float:
            return value if np.array_equal(point, x) else self._value(point)

        differences: Array = approx_fprime(x, known, **self._difference)
        return differences


def check_real(name: str, array: Array) -> None:
    """Raise TypeError where numbers are complex, of which a cast would drop a part."""
    if np.iscomplexobj(array):
        raise TypeError(f"{name}: expected real numbers, got {array.dtype}")
