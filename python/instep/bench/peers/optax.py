"""Optax: each step one function that JAX compiles for all arrays, with their memory donated."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import jax
import jax.extend.backend
import jax.numpy as jnp
import numpy as np
import optax

from instep.bench.contenders import Contender, NotOffered, Stepper, each_in_turn

if TYPE_CHECKING:
    from instep.bench.cases import Case
    from instep.bench.rules import Rule

# Arrays that are tied to a device instead cost a short series of steps half as much again.
jax.config.update("jax_platforms", "cpu")

_threads: int | None = None
"""What the present backend's pool was limited to."""


def _optimizer(rule: Rule) -> Any:
    """Return the optimizer that steps as `rule` does, but for the places of eps.

    Adagrad has it inside the root. AMSGrad adds it to the root of the uncorrected maximum.
    """
    given = rule.hyperparameters
    lr, eps = given["lr"], given.get("eps")
    momentum = given.get("momentum") or None
    if rule.name.startswith("sgd"):
        return optax.sgd(lr, momentum=momentum, nesterov=given["nesterov"])
    if rule.name.startswith("rmsprop"):
        centered = given["centered"]
        return optax.rmsprop(
            lr, given["alpha"], eps, eps_in_sqrt=False, centered=centered, momentum=momentum
        )
    if rule.name == "adagrad":
        return optax.adagrad(lr, initial_accumulator_value=0.0, eps=eps)
    if rule.name == "adadelta":
        return optax.adadelta(lr, given["rho"], eps)
    if rule.name not in ("adam", "adamw", "amsgrad"):
        raise NotOffered("no such rule")
    beta1, beta2 = given["betas"]
    if rule.name == "adam":
        return optax.adam(lr, beta1, beta2, eps)
    if rule.name == "adamw":
        return optax.adamw(lr, beta1, beta2, eps, weight_decay=given["weight_decay"])

    def corrected(steps: Any) -> Any:
        # Its own correction would come before the maximum.
        return lr * jnp.sqrt(1 - beta2 ** (steps + 1))

    return optax.amsgrad(corrected, beta1, beta2, eps, bias_correction_nu=False)


def _prepare(case: Case) -> Stepper:
    if case.layout != "contiguous":
        raise NotOffered("contiguous arrays only")
    _limit_threads(case.threads)
    optimizer = _optimizer(case.rule)

    def update(params: Any, state: Any, grads: Any) -> Any:
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    compiled: Any = jax.jit(update, donate_argnums=(0, 1))
    double = case.dtype == "float64"
    with jax.enable_x64(double):
        params, grads = jax.tree.map(jnp.array, case.arrays())
        state = optimizer.init(params)
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


CONTENDERS = (Contender("optax", _prepare),)
