"""Loops as a Numba user writes them, compiled for one thread and for several."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import os
from typing import TYPE_CHECKING, Any

# When Numba starts its threads, which may be OpenMP's, it sets their number for all who share that
# runtime. That must be the number that all have, and not come after another library's limit.
if "OMP_NUM_THREADS" in os.environ:
    os.environ.setdefault("NUMBA_NUM_THREADS", os.environ["OMP_NUM_THREADS"].partition(",")[0])

import numba
import numpy as np

from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, Offer, Stepper, each_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.arrays import Array
    from instep.bench.cases import Case

numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)

_SEVERAL_THREADS = 10_000
"""Elements from which several threads are faster than one."""


# Each loop takes a parameter, its gradient, its states, and hyperparameters by their names.
# Coefficients are rounded to the arrays' type: in double they would pull the loop up to double.


def _sgd(p: Array, g: Array, lr: float) -> None:
    lr = p.dtype.type(lr)
    for i in numba.prange(p.size):
        p[i] -= lr * g[i]


def _sgd_momentum(p: Array, g: Array, b: Array, lr: float, momentum: float) -> None:
    lr, momentum = p.dtype.type(lr), p.dtype.type(momentum)
    for i in numba.prange(p.size):
        b[i] = momentum * b[i] + g[i]
        p[i] -= lr * b[i]


def _sgd_nesterov(p: Array, g: Array, b: Array, lr: float, momentum: float) -> None:
    lr, momentum = p.dtype.type(lr), p.dtype.type(momentum)
    for i in numba.prange(p.size):
        b[i] = momentum * b[i] + g[i]
        p[i] -= lr * (g[i] + momentum * b[i])


def _adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    number: int,
) -> None:
    real = p.dtype.type
    root = math.sqrt(1.0 - beta2**number)
    step_size, eps = real(lr * root / (1.0 - beta1**number)), real(eps * root)
    rest1, rest2 = real(1.0 - beta1), real(1.0 - beta2)
    beta1, beta2 = real(beta1), real(beta2)
    for i in numba.prange(p.size):
        m[i] = beta1 * m[i] + rest1 * g[i]
        v[i] = beta2 * v[i] + rest2 * (g[i] * g[i])
        p[i] -= step_size * (m[i] / (math.sqrt(v[i]) + eps))


def _adamw(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    number: int,
) -> None:
    real = p.dtype.type
    root = math.sqrt(1.0 - beta2**number)
    step_size, eps = real(lr * root / (1.0 - beta1**number)), real(eps * root)
    rest1, rest2 = real(1.0 - beta1), real(1.0 - beta2)
    beta1, beta2 = real(beta1), real(beta2)
    shrink = real(1.0 - lr * weight_decay)
    for i in numba.prange(p.size):
        m[i] = beta1 * m[i] + rest1 * g[i]
        v[i] = beta2 * v[i] + rest2 * (g[i] * g[i])
        p[i] = shrink * p[i] - step_size * (m[i] / (math.sqrt(v[i]) + eps))


def _amsgrad(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    largest: Array,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    number: int,
) -> None:
    real = p.dtype.type
    root = math.sqrt(1.0 - beta2**number)
    step_size, eps = real(lr * root / (1.0 - beta1**number)), real(eps * root)
    rest1, rest2 = real(1.0 - beta1), real(1.0 - beta2)
    beta1, beta2 = real(beta1), real(beta2)
    for i in numba.prange(p.size):
        m[i] = beta1 * m[i] + rest1 * g[i]
        v[i] = beta2 * v[i] + rest2 * (g[i] * g[i])
        largest[i] = max(largest[i], v[i])
        p[i] -= step_size * (m[i] / (math.sqrt(largest[i]) + eps))


def _rmsprop(p: Array, g: Array, v: Array, lr: float, alpha: float, eps: float) -> None:
    real = p.dtype.type
    rest = real(1.0 - alpha)
    lr, alpha, eps = real(lr), real(alpha), real(eps)
    for i in numba.prange(p.size):
        v[i] = alpha * v[i] + rest * (g[i] * g[i])
        p[i] -= lr * (g[i] / (math.sqrt(v[i]) + eps))


def _rmsprop_momentum(
    p: Array,
    g: Array,
    v: Array,
    b: Array,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
) -> None:
    real = p.dtype.type
    rest = real(1.0 - alpha)
    lr, alpha, eps, momentum = real(lr), real(alpha), real(eps), real(momentum)
    for i in numba.prange(p.size):
        v[i] = alpha * v[i] + rest * (g[i] * g[i])
        b[i] = momentum * b[i] + g[i] / (math.sqrt(v[i]) + eps)
        p[i] -= lr * b[i]


def _rmsprop_centered(
    p: Array, g: Array, v: Array, a: Array, lr: float, alpha: float, eps: float
) -> None:
    real = p.dtype.type
    rest, zero = real(1.0 - alpha), real(0.0)
    lr, alpha, eps = real(lr), real(alpha), real(eps)
    for i in numba.prange(p.size):
        v[i] = alpha * v[i] + rest * (g[i] * g[i])
        a[i] = alpha * a[i] + rest * g[i]
        variance = max(v[i] - a[i] * a[i], zero)
        p[i] -= lr * (g[i] / (math.sqrt(variance) + eps))


def _adagrad(p: Array, g: Array, s: Array, lr: float, eps: float) -> None:
    lr, eps = p.dtype.type(lr), p.dtype.type(eps)
    for i in numba.prange(p.size):
        s[i] += g[i] * g[i]
        p[i] -= lr * (g[i] / (math.sqrt(s[i]) + eps))


def _adadelta(p: Array, g: Array, v: Array, d: Array, lr: float, rho: float, eps: float) -> None:
    real = p.dtype.type
    rest = real(1.0 - rho)
    lr, rho, eps = real(lr), real(rho), real(eps)
    for i in numba.prange(p.size):
        v[i] = rho * v[i] + rest * (g[i] * g[i])
        change = math.sqrt((d[i] + eps) / (v[i] + eps)) * g[i]
        d[i] = rho * d[i] + rest * (change * change)
        p[i] -= lr * change


def _lion(
    p: Array, g: Array, m: Array, lr: float, beta1: float, beta2: float, weight_decay: float
) -> None:
    real = p.dtype.type
    rest1, rest2, shrink = real(1.0 - beta1), real(1.0 - beta2), real(1.0 - lr * weight_decay)
    lr, beta1, beta2 = real(lr), real(beta1), real(beta2)
    for i in numba.prange(p.size):
        direction = beta1 * m[i] + rest1 * g[i]
        m[i] = beta2 * m[i] + rest2 * g[i]
        p[i] = shrink * p[i] - lr * np.sign(direction)


_LOOPS: dict[str, Callable[..., None]] = {
    "sgd": _sgd,
    "sgd-momentum": _sgd_momentum,
    "sgd-nesterov": _sgd_nesterov,
    "adam": _adam,
    "adamw": _adamw,
    "amsgrad": _amsgrad,
    "rmsprop": _rmsprop,
    "rmsprop-momentum": _rmsprop_momentum,
    "rmsprop-centered": _rmsprop_centered,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "lion": _lion,
}


@functools.cache
def _compiled(loop: Callable[..., None], parallel: bool) -> Any:
    # By Python's error model a zero divisor raises an error, and such a loop takes no vectors.
    return numba.njit(parallel=parallel, fastmath=True, error_model="numpy")(loop)


def _begin(case: Case) -> Stepper:
    most = numba.config.NUMBA_NUM_THREADS
    threads = min(case.threads or most, most)
    numba.set_num_threads(threads)
    loop = _LOOPS[case.rule.name]
    arrays, grads = case.arrays()
    work = [
        (
            _compiled(loop, threads > 1 and param.size >= _SEVERAL_THREADS),
            param,
            [np.zeros_like(param) for _ in case.rule.states],
        )
        for param in as_list(arrays)
    ]
    names = inspect.signature(loop).parameters
    given = case.rule.flat_hyperparameters
    options = [float(given[name]) for name in names if name in given]
    numbers = itertools.count(1)

    def step(grads: list[Array]) -> None:
        changing = [next(numbers)] if "number" in names else []
        for (run, param, states), grad in zip(work, grads, strict=True):
            run(param, grad, *states, *options, *changing)

    return Stepper(each_in_turn(step, [as_list(each) for each in grads]), lambda: as_list(arrays))


CONTENDERS = (
    Contender(
        "numba",
        _begin,
        Offer(_LOOPS, layouts=("contiguous", "strided"), other_layouts="flat arrays only"),
    ),
)
