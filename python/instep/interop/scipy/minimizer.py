"""Steps of an optimizer, as ``scipy.optimize.minimize`` calls for them."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, OptimizeWarning

from instep import Optimizer
from instep.interop.scipy.objective import Objective, check_real
from instep.numbers import AT_LEAST_0, NOT_NAN
from instep.parameters import Array

# How it ended: the numbers of scipy's BFGS, and its words where they are right here too.
_CONVERGED = 0
_OUT_OF_STEPS = 1
_NOT_FINITE = 3
_STOPPED = 99
_MESSAGES = {
    _CONVERGED: "Optimization terminated successfully.",
    _OUT_OF_STEPS: "Maximum number of iterations has been exceeded.",
    _NOT_FINITE: "NaN or infinite result encountered.",
    _STOPPED: "`callback` raised `StopIteration`.",
}

_UNUSED = {
    "bounds": "use method='L-BFGS-B', or minimize over a variable that has none",
    "constraints": "use method='SLSQP' or 'trust-constr'",
    "hess": "leave it out, or use method='trust-exact'",
    "hessp": "leave it out, or use method='Newton-CG'",
}
"""What the optimizers have no use for, and what to do instead of passing it."""


def method(optimizer: type[Optimizer], **options: Any) -> Callable[..., Any]:
    r"""Return a ``method`` for ``scipy.optimize.minimize`` that takes an optimizer's steps.

    Parameters
    ----------
    optimizer : type
        A class of optimizers, such as `instep.Adam`.
    **options
        The hyperparameters and options that it takes, but for `copies`; ``lr`` may be a schedule.

    Returns
    -------
    callable
        What to pass as ``method``. Each minimization makes an optimizer of its own.

    Raises
    ------
    TypeError, ValueError
        When the first argument is no such class, or refuses the options.

    Notes
    -----
    The steps are taken on a copy of ``x0``: in float32 where ``x0`` is of that dtype and a gradient
    (``jac``) is given, in float64 otherwise. Without one, gradients are two-point finite
    differences (``scipy.optimize.approx_fprime``), also for ``jac="3-point"`` and its like, of
    which ``minimize`` tells none but its own methods.

    These are the ``options`` of ``minimize``. Of others it warns (``OptimizeWarning``).

    ======= ======================================================================== =======
    option                                                                           default
    ======= ======================================================================== =======
    maxiter How many steps are taken at most                                         15,000
    gtol    It has converged where no element of the gradient is larger; so does     1e-5
            ``minimize``'s own ``tol``
    xtol    Or where a step was as short:                                            0 (off)
            :math:`\lVert x_{k+1} - x_k \rVert
            \le \mathrm{xtol} \, (\mathrm{xtol} + \lVert x_{k+1} \rVert)`
    eps     The absolute step of finite differences                                  1.5e-8
    disp    Print how it ended, or warn where it has not converged                   False
    ======= ======================================================================== =======

    The result tells of the last point, as those of scipy's BFGS and L-BFGS-B do: ``x``, ``fun`` and
    ``jac``. Not each of these steps descends; a callback can keep the best point. Function and
    gradient are evaluated once at each point, ``nit + 1`` times. After each step comes
    ``callback(intermediate_result=...)``, with ``x`` and ``fun``, or ``callback(xk)``, as scipy
    tells the two apart; it may raise StopIteration.

    ``status`` is 0 where it has converged, 1 after ``maxiter`` steps, 3 where the function or its
    gradient is NaN or infinite, before such a gradient is stepped by, and 99 where the callback has
    stopped it.

    ``minimize`` raises ValueError where it is given ``bounds``, ``constraints``, ``hess`` or
    ``hessp``, TypeError or ValueError where an option is refused, complex numbers come or an array
    is of another shape than ``x0``.

    Examples
    --------
    >>> import scipy.optimize, instep, instep.interop.scipy
    >>> result = scipy.optimize.minimize(
    ...     scipy.optimize.rosen,
    ...     [-1.0, 2.0],
    ...     jac=scipy.optimize.rosen_der,
    ...     method=instep.interop.scipy.method(instep.Adam, lr=0.05),
    ...     options={"gtol": 1e-3},
    ... )
    >>> result.message, result.x.round(2)
    ('Optimization terminated successfully.', array([1., 1.]))
    """
    given: object = optimizer
    if not (isinstance(given, type) and issubclass(given, Optimizer)):
        raise TypeError(
            f"optimizer: expected a class of optimizers, such as instep.Adam, got {given!r}"
        )
    if options.get("copies") is not None:
        raise TypeError(
            "copies: expected none, as each minimization has a point of its own; take result.x, or "
            "a callback"
        )
    optimizer(np.zeros(1), **options)  # refuses what an optimizer refuses
    return partial(_minimize, optimizer, options)


def _minimize(
    make: type[Optimizer],
    hyperparameters: dict[str, Any],
    fun: Callable[..., Any],
    x0: Array,
    /,
    *,
    args: tuple[Any, ...] = (),
    jac: Callable[..., Any] | None = None,
    callback: Callable[..., object] | None = None,
    maxiter: float | None = None,
    gtol: float | None = None,
    xtol: float = 0.0,
    tol: float | None = None,
    eps: Any = None,
    disp: bool = False,
    **others: object,
) -> Any:
    """Minimize: what ``scipy.optimize.minimize`` calls with its arguments and options."""
    _refuse_unused({name: others.pop(name, None) for name in _UNUSED})
    last = AT_LEAST_0.check("maxiter", 15_000 if maxiter is None else maxiter)
    flat = NOT_NAN.check("gtol", next(each for each in (gtol, tol, 1e-5) if each is not None))
    short = AT_LEAST_0.check("xtol", xtol)
    x = _start(x0, jac)
    if others:
        _warn(f"Unknown solver options: {', '.join(others)}")
    objective = Objective(fun, jac, args, eps)
    report = _reporter(callback)
    optimizer = make(x, **hyperparameters)

    value, grad = objective(x)
    nit, rests, status = 0, False, None
    while status is None:
        steepest = max(float(grad.max(initial=0)), -float(grad.min(initial=0)))
        if not (math.isfinite(value) and math.isfinite(steepest)):
            status = _NOT_FINITE
        elif steepest <= flat or rests:
            status = _CONVERGED
        elif nit >= last:
            status = _OUT_OF_STEPS
        else:
            rests = _step(optimizer, x, grad, short)
            nit += 1
            value, grad = objective(x)
            try:
                if report is not None:
                    report(OptimizeResult(x=x.copy(), fun=value))
            except StopIteration:
                status = _STOPPED

    result = OptimizeResult(
        x=x,
        fun=value,
        jac=grad.copy(),
        nit=nit,
        nfev=objective.nfev,
        njev=objective.njev,
        status=status,
        success=status == _CONVERGED,
        message=_MESSAGES[status],
    )
    if disp:
        _show(result)
    return result


def _refuse_unused(arguments: dict[str, object]) -> None:
    for name, value in arguments.items():
        nothing = value is None or (isinstance(value, tuple | list | dict) and not value)
        if not nothing:
            kind = type(value).__name__
            raise ValueError(f"{name}: expected None, got {kind}; {_UNUSED[name]}")


def _start(x0: Array, jac: object) -> Array:
    """Return the array to step: a copy, in float64 where differences are taken of it."""
    check_real("x0", x0)
    single = x0.dtype == np.float32 and jac is not None
    return np.array(x0, np.float32 if single else np.float64)


def _reporter(callback: Callable[..., object] | None) -> Callable[[Any], object] | None:
    """Return what gives a callback the point, by the signature as scipy's own methods do."""
    if callback is None:
        return None
    if {*inspect.signature(callback).parameters} == {"intermediate_result"}:
        return lambda point: callback(intermediate_result=point)
    return lambda point: callback(point.x)


def _step(optimizer: Optimizer, x: Array, grad: Array, xtol: float) -> bool:
    """Take a step, and tell whether it was as short as `xtol` says."""
    if not xtol:
        optimizer.step(grad)
        return False
    before = x.copy()
    optimizer.step(grad)
    length = np.linalg.norm(np.subtract(x, before, out=before))
    return bool(length <= xtol * (xtol + np.linalg.norm(x)))


def _show(result: Any) -> None:
    """Say how it ended, in the way of scipy's BFGS."""
    if result.success:
        print(result.message)
    else:
        _warn(result.message, depth=1)
    print(f"         Current function value: {result.fun:f}")
    print(f"         Iterations: {result.nit}")
    print(f"         Function evaluations: {result.nfev}")
    print(f"         Gradient evaluations: {result.njev}")


def _warn(message: str, depth: int = 0) -> None:
    """Warn whoever has called ``minimize``, which has called what is `depth` calls from here."""
    warnings.warn(message, OptimizeWarning, stacklevel=4 + depth)
