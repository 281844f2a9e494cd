"""Optax: each step one function that JAX compiles for all arrays, with their memory donated."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import jax
import jax.extend.backend
import jax.numpy as jnp
import numpy as np
import optax

from instep.bench.contenders import Contender, Offer, Stepper, each_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.cases import Case

# Arrays that are tied to a device instead cost a short series of steps half as much again.
jax.config.update("jax_platforms", "cpu")

_threads: int | None = None
"""What the present backend's pool was limited to."""


def _sgd(*, lr: float, momentum: float, nesterov: bool, **_: object) -> Any:
    return optax.sgd(lr, momentum=momentum or None, nesterov=nesterov)


def _adam(*, lr: float, beta1: float, beta2: float, eps: float, **_: object) -> Any:
    return optax.adam(lr, beta1, beta2, eps)


def _adamw(
    *, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, **_: object
) -> Any:
    return optax.adamw(lr, beta1, beta2, eps, weight_decay=weight_decay)


def _adamax(*, lr: float, beta1: float, beta2: float, eps: float, **_: object) -> Any:
    return optax.adamax(lr, beta1, beta2, eps)


def _amsgrad(*, lr: float, beta1: float, beta2: float, eps: float, **_: object) -> Any:
    def corrected(steps: Any) -> Any:
        # Its own correction would come before the maximum.
        return lr * jnp.sqrt(1 - beta2 ** (steps + 1))

    return optax.amsgrad(corrected, beta1, beta2, eps, bias_correction_nu=False)


def _rmsprop(
    *, lr: float, alpha: float, eps: float, centered: bool, momentum: float, **_: object
) -> Any:
    return optax.rmsprop(
        lr, alpha, eps, eps_in_sqrt=False, centered=centered, momentum=momentum or None
    )


def _adagrad(*, lr: float, eps: float, **_: object) -> Any:
    return optax.adagrad(lr, initial_accumulator_value=0.0, eps=eps)


def _adadelta(*, lr: float, rho: float, eps: float, **_: object) -> Any:
    return optax.adadelta(lr, rho, eps)


def _adabelief(*, lr: float, beta1: float, beta2: float, eps: float, **_: object) -> Any:
    return optax.adabelief(lr, beta1, beta2, eps, eps_root=eps)


def _lion(*, lr: float, beta1: float, beta2: float, weight_decay: float, **_: object) -> Any:
    return optax.lion(lr, beta1, beta2, weight_decay=weight_decay)


def _schedule_free_sgd(*, lr: float, momentum: float, weight_lr_power: float, **_: object) -> Any:
    return optax.contrib.schedule_free_sgd(lr, b1=momentum, weight_lr_power=weight_lr_power)


def _schedule_free_adamw(
    *, lr: float, beta1: float, beta2: float, eps: float, weight_lr_power: float, **_: object
) -> Any:
    return optax.contrib.schedule_free_adamw(
        lr, b1=beta1, b2=beta2, eps=eps, weight_lr_power=weight_lr_power
    )


def _lars(
    *, lr: float, momentum: float, nesterov: bool, trust_coeff: float, eps: float, **_: object
) -> Any:
    return optax.lars(
        lr, trust_coefficient=trust_coeff, eps=eps, momentum=momentum, nesterov=nesterov
    )


def _lamb(
    *, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, **_: object
) -> Any:
    return optax.lamb(lr, beta1, beta2, eps, weight_decay=weight_decay)


_OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "sgd": _sgd,
    "sgd-momentum": _sgd,
    "sgd-nesterov": _sgd,
    "adam": _adam,
    "adamw": _adamw,
    "adamax": _adamax,
    "amsgrad": _amsgrad,
    "rmsprop": _rmsprop,
    "rmsprop-momentum": _rmsprop,
    "rmsprop-centered": _rmsprop,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "lion": _lion,
    "adabelief": _adabelief,
    "schedule_free_sgd": _schedule_free_sgd,
    "schedule_free_adamw": _schedule_free_adamw,
    "lars-adapted": _lars,
    "lamb": _lamb,
}


def _begin(case: Case) -> Stepper:
    _limit_threads(case.threads)
    optimizer = _OPTIMIZERS[case.rule.name](**case.rule.flat_hyperparameters)

    def update(params: Any, state: Any, grads: Any) -> Any:
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    compiled: Any = jax.jit(update, donate_argnums=(0, 1))
    double = case.dtype == "float64"
    with jax.enable_x64(double):
        params, grads = jax.tree.map(jnp.array, case.arrays())
        # Its arrays own: what begins as the parameters is donated beside them.
        state = jax.tree.map(jnp.array, optimizer.init(params))
        if double:
            # Outside of this context it would be compiled again, for float32.
            compiled = compiled.lower(params, state, grads[0]).compile()

    def step(grads: Any) -> None:
        nonlocal params, state
        params, state = compiled(params, state, grads)
        jax.block_until_ready(params)

    return Stepper(
        each_in_turn(step, grads), lambda: [np.array(each) for each in jax.tree.leaves(params)]
    )


def _limit_threads(threads: int | None) -> None:
    """Make a backend anew if the present one has another number of threads."""
    global _threads
    if threads is not None and threads >= (os.cpu_count() or 1):
        threads = None
    if threads == _threads:
        return
    # XLA reads this variable when it starts its pool; without it, one thread for each processor.
    outer = os.environ.pop("NPROC", None)
    if threads is not None:
        os.environ["NPROC"] = str(threads)
    jax.extend.backend.clear_backends()
    jax.devices()
    os.environ.pop("NPROC", None)
    if outer is not None:
        os.environ["NPROC"] = outer
    _threads = threads


CONTENDERS = (
    Contender(
        "optax",
        _begin,
        Offer(
            _OPTIMIZERS,
            layouts=("contiguous",),
            # AMSGrad adds it to the root of the uncorrected maximum.
            forms={"amsgrad": {"eps_hat": True}, "adagrad": {"eps_inside_sqrt": True}},
        ),
    ),
)
