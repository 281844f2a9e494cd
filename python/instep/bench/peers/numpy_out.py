"""NumPy as a careful user writes it: in place, few passes over the arrays, nothing allocated.

The running means are kept without their factor, such as m / (1 − β1) in the place of m: one pass
less for each, and the factor goes into the coefficients of the passes that remain.

NumPy takes one thread, whatever the case allows.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from instep.bench.arrays import Array, as_list
from instep.bench.contenders import Contender, Offer, Stepper, each_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.cases import Case

Work: TypeAlias = list[list[Array]]
"""For each parameter: itself, two temporaries, its states in the order of `Rule.states`."""


def _sgd(
    work: Work, grads: list[Array], *, lr: float, momentum: float, nesterov: bool, **_: object
) -> None:
    for (param, change, _spare, *states), grad in zip(work, grads, strict=True):
        if not momentum:
            np.multiply(grad, lr, out=change)
        elif not nesterov:
            (buffer,) = states
            buffer *= momentum
            buffer += grad
            np.multiply(buffer, lr, out=change)
        else:
            # Here the buffer is kept as the step after it needs it, times the momentum.
            (buffer,) = states
            buffer += grad
            buffer *= momentum
            np.add(grad, buffer, out=change)
            change *= lr
        param -= change


def _adam(
    work: Work,
    grads: list[Array],
    *,
    number: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    **_: object,
) -> None:
    scale = math.sqrt((1.0 - beta2**number) / (1.0 - beta2))
    step_size = lr * scale * (1.0 - beta1) / (1.0 - beta1**number)
    eps *= scale
    for (param, change, _spare, mean, square, *largest), grad in zip(work, grads, strict=True):
        mean *= beta1
        mean += grad
        square *= beta2
        np.multiply(grad, grad, out=change)
        square += change
        for each in largest:
            np.maximum(each, square, out=each)
        np.sqrt(largest[0] if largest else square, out=change)
        change += eps
        np.divide(mean, change, out=change)
        change *= step_size
        if weight_decay:
            param *= 1.0 - lr * weight_decay
        param -= change


def _rmsprop(
    work: Work,
    grads: list[Array],
    *,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
    centered: bool,
    **_: object,
) -> None:
    scale = 1.0 / math.sqrt(1.0 - alpha)
    lr *= scale
    eps *= scale
    for (param, change, _spare, square, *states), grad in zip(work, grads, strict=True):
        square *= alpha
        np.multiply(grad, grad, out=change)
        square += change
        if centered:
            mean = states[0]
            mean *= alpha
            mean += grad
            np.multiply(mean, mean, out=change)
            change *= 1.0 - alpha
            np.subtract(square, change, out=change)
            np.maximum(change, 0.0, out=change)
            np.sqrt(change, out=change)
        else:
            np.sqrt(square, out=change)
        change += eps
        np.divide(grad, change, out=change)
        if momentum:
            buffer = states[-1]
            buffer *= momentum
            buffer += change
            np.multiply(buffer, lr, out=change)
        else:
            change *= lr
        param -= change


def _adagrad(work: Work, grads: list[Array], *, lr: float, eps: float, **_: object) -> None:
    for (param, change, _spare, total), grad in zip(work, grads, strict=True):
        np.multiply(grad, grad, out=change)
        total += change
        np.sqrt(total, out=change)
        change += eps
        np.divide(grad, change, out=change)
        change *= lr
        param -= change


def _adadelta(
    work: Work, grads: list[Array], *, lr: float, rho: float, eps: float, **_: object
) -> None:
    eps /= 1.0 - rho
    for (param, change, spare, square, changes), grad in zip(work, grads, strict=True):
        square *= rho
        np.multiply(grad, grad, out=spare)
        square += spare
        np.add(square, eps, out=spare)
        np.add(changes, eps, out=change)
        change /= spare
        np.sqrt(change, out=change)
        change *= grad
        changes *= rho
        np.multiply(change, change, out=spare)
        changes += spare
        if lr != 1.0:
            change *= lr
        param -= change


def _lion(
    work: Work,
    grads: list[Array],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    weight_decay: float,
    **_: object,
) -> None:
    scale = (1.0 - beta2) * beta1 / (1.0 - beta1)
    for (param, change, _spare, mean), grad in zip(work, grads, strict=True):
        np.multiply(mean, scale, out=change)
        change += grad
        np.sign(change, out=change)
        change *= lr
        mean *= beta2
        mean += grad
        if weight_decay:
            param *= 1.0 - lr * weight_decay
        param -= change


_STEPS: dict[str, Callable[..., None]] = {
    "sgd": _sgd,
    "sgd-momentum": _sgd,
    "sgd-nesterov": _sgd,
    "adam": _adam,
    "adamw": _adam,
    "amsgrad": _adam,
    "rmsprop": _rmsprop,
    "rmsprop-momentum": _rmsprop,
    "rmsprop-centered": _rmsprop,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "lion": _lion,
}


def _begin(case: Case) -> Stepper:
    rule = _STEPS[case.rule.name]
    arrays, grads = case.arrays()
    params = as_list(arrays)
    memory = np.empty((2, max(case.sizes)), case.dtype)
    work = [
        [
            param,
            *(_like(param, each) for each in memory),
            *(np.zeros_like(param) for _ in case.rule.states),
        ]
        for param in params
    ]
    options = case.rule.flat_hyperparameters
    numbers = itertools.count(1)

    def step(grads: list[Array]) -> None:
        rule(work, grads, number=next(numbers), **options)

    return Stepper(each_in_turn(step, [as_list(each) for each in grads]), lambda: params)


def _like(param: Array, memory: Array) -> Array:
    """Return the start of `memory` with the shape and the order of axes of `param`."""
    order: Any = "F" if param.flags.f_contiguous else "C"
    return memory[: param.size].reshape(param.shape, order=order)


CONTENDERS = (Contender("numpy out=", _begin, Offer(_STEPS)),)
