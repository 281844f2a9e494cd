"""The paths that instep's and other libraries' optimizers take, each made by a call as text.

A call reads as its user writes it: the arrays are `w`, and the library is imported under its usual
name. What the libraries want beside it (tensors, variables, states) is made here.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
import os
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np
import pytest

import instep
from tests.cases import Array

Follower: TypeAlias = Callable[[str, Array, Array], Iterator[Array]]


def follow(call: str, start: Array, gradients: Array) -> Array:
    """Return the parameter before the first step and after each, as float64."""
    follower = FOLLOWERS[library_of(call)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the libraries warn of is their own affair
        path = [start, *follower(call, start.copy(), gradients)]
    return np.array(path, np.float64)


def library_of(call: str) -> str:
    return call.partition(".")[0]


def imported(name: str) -> Any:
    """Return a module, or skip the test where it is not installed."""
    if name.startswith("keras"):
        # TensorFlow is what Keras takes by itself, and seldom there.
        backend = "jax" if importlib.util.find_spec("jax") else "tensorflow"
        os.environ.setdefault("KERAS_BACKEND", backend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def _instep(call: str, w: Array, gradients: Array) -> Iterator[Array]:
    optimizer = eval(call, {"instep": instep, "w": w})
    for gradient in gradients:
        optimizer.step(gradient)
        yield w.copy()


def _torch(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    return _steps_of_torch(call, {}, start, gradients)


def _steps_of_torch(
    call: str, names: dict[str, Any], start: Array, gradients: Array
) -> Iterator[Array]:
    torch = imported("torch")
    w = torch.nn.Parameter(torch.from_numpy(start))
    made = eval(call, {"torch": torch, "w": w, **names})
    scheduled = hasattr(made, "optimizer")
    optimizer = made.optimizer if scheduled else made
    for gradient in gradients:
        w.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
        if scheduled:
            made.step()
        yield w.detach().numpy().copy()


def _pytorch_optimizer(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    module = imported("pytorch_optimizer")
    return _steps_of_torch(call, {"pytorch_optimizer": module}, start, gradients)


def _schedulefree(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    """It begins in eval mode."""
    module = imported("schedulefree")

    def in_train_mode(optimizer: Any) -> Any:
        optimizer.train()
        return optimizer

    names = {"schedulefree": module, "in_train_mode": in_train_mode}
    return _steps_of_torch(f"in_train_mode({call})", names, start, gradients)


def _timm(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    return _steps_of_torch(call, {"timm": imported("timm")}, start, gradients)


def _optax(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    jax, optax = imported("jax"), imported("optax")
    with jax.enable_x64(True):
        transformation = eval(call, {"optax": optax})
        w = jax.numpy.array(start)
        state = transformation.init(w)
        for gradient in gradients:
            updates, state = transformation.update(jax.numpy.array(gradient), state, w)
            w = optax.apply_updates(w, updates)
            yield np.array(w)


def _keras(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    keras = imported("keras")
    on_jax = keras.config.backend() == "jax"
    usual = keras.config.floatx()
    with imported("jax").enable_x64(True) if on_jax else contextlib.nullcontext():
        keras.config.set_floatx("float64")  # the learning rate's type
        try:
            optimizer = eval(call, {"keras": keras})
            w = keras.Variable(start, dtype="float64")
            for gradient in gradients:
                optimizer.apply([keras.ops.convert_to_tensor(gradient)], [w])
                yield keras.ops.convert_to_numpy(w).copy()
        finally:
            keras.config.set_floatx(usual)


def _sklearn(call: str, w: Array, gradients: Array) -> Iterator[Array]:
    module = imported("sklearn.neural_network._stochastic_optimizers")
    optimizer = eval(call, {"_stochastic_optimizers": module, "w": w})
    for number, gradient in enumerate(gradients, start=1):
        optimizer.update_params([w], [gradient])
        optimizer.iteration_ends(number)
        yield w.copy()


def _thinc(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    optimizer = eval(call, {"thinc": SimpleNamespace(api=imported("thinc.api"))})
    w = start.astype(np.float32)  # it knows no other type
    for gradient in gradients:
        optimizer((1, "w"), w, gradient.astype(np.float32))
        yield w.copy()


def _tensorflow(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    """A call names the operation, its options, and those states that do not start at 0."""
    tf = imported("tensorflow")

    class RawOps:
        def __getattr__(self, name: str) -> Any:
            return functools.partial(SimpleNamespace, operation=getattr(tf.raw_ops, name))

    given = vars(eval(call, {"tf": SimpleNamespace(raw_ops=RawOps())}))
    operation = given.pop("operation")
    needed = inspect.signature(operation).parameters

    def constant(value: Any) -> Any:
        return tf.constant(value, tf.float64)

    w = tf.Variable(start)
    states = {
        name: tf.Variable(np.full_like(start, given.pop(name, 0.0)))
        for name in ("accum", "accum_update", "m", "v", "vhat", "mg", "ms", "mom")
        if name in needed
    }
    for number, gradient in enumerate(gradients, start=1):
        now = {name: v(number - 1) if callable(v) else v for name, v in given.items()}
        options = {n: v if isinstance(v, bool) else constant(v) for n, v in now.items()}
        for power in ("beta1", "beta2"):
            if f"{power}_power" in needed:
                options[f"{power}_power"] = constant(given[power] ** number)
        handles = {name: state.handle for name, state in states.items()}
        taken = "delta" if "delta" in needed else "grad"
        operation(var=w.handle, **handles, **options, **{taken: constant(gradient)})
        yield w.numpy()


def _pennylane(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    """A rate in a call may be a function of the number of steps before."""
    qml = imported("pennylane")
    optimizer = eval(call, {"qml": qml})
    rate = optimizer.stepsize
    w = qml.numpy.array(start, requires_grad=True)
    for step, gradient in enumerate(gradients):
        optimizer.stepsize = rate(step) if callable(rate) else rate
        [w] = optimizer.apply_grad([gradient], [w])
        yield np.array(w)


def _qiskit_algorithms(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    """A call leaves out when to end."""
    module = imported("qiskit_algorithms.optimizers")

    class Optimizers:
        def __getattr__(self, name: str) -> Any:
            return functools.partial(getattr(module, name), maxiter=len(gradients), tol=0.0)

    optimizer = eval(call, {"qiskit_algorithms": SimpleNamespace(optimizers=Optimizers())})
    path, gradient = recorded(gradients)
    path.append(optimizer.minimize(np.sum, start, gradient).x)
    yield from path[1:]


def _pymc(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    """A rate in a call may be a function of the number of steps before."""
    pm, pytensor = imported("pymc"), imported("pytensor")
    optimizer = eval(call, {"pm": pm})
    given = optimizer.keywords["learning_rate"]
    rate = given if callable(given) else lambda _: given
    shared, w, gradient = pytensor.shared(0.0), pytensor.shared(start), pytensor.tensor.vector()
    updates = optimizer([gradient], [w], learning_rate=shared)
    function = pytensor.function([gradient], updates=updates, mode="FAST_COMPILE")
    for step, each in enumerate(gradients):
        shared.set_value(rate(step))
        function(each)
        yield w.get_value()


def _autograd(call: str, w: Array, gradients: Array) -> Iterator[Array]:
    """A call leaves out the number of steps."""
    module = imported("autograd.misc.optimizers")

    class Optimizers:
        def __getattr__(self, name: str) -> Any:
            return functools.partial(getattr(module, name), num_iters=len(gradients))

    misc = SimpleNamespace(misc=SimpleNamespace(optimizers=Optimizers()))
    path, gradient = recorded(gradients)
    path.append(eval(call, {"autograd": misc, "grad": gradient, "w": w}))
    yield from path[1:]


def recorded(gradients: Array) -> tuple[list[Array], Callable[..., Array]]:
    """Return a function that gives one gradient after the other, and where it was asked for."""
    path: list[Array] = []

    def gradient(w: Array, *_: int) -> Array:
        path.append(np.array(w))
        return np.array(gradients[len(path) - 1])

    return path, gradient


def _river(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    optimizer = eval(call, {"river": SimpleNamespace(optim=imported("river.optim"))})
    w = dict(enumerate(start.tolist()))
    for gradient in gradients:
        optimizer.look_ahead(w)
        w = optimizer.step(w, dict(enumerate(gradient.tolist())))
        yield np.array(list(w.values()))


def _rmsprop_tf_like(call: str, start: Array, gradients: Array) -> Iterator[Array]:
    module = imported("stable_baselines3.common.sb2_compat.rmsprop_tf_like")
    return _steps_of_torch(call, {"rmsprop_tf_like": module}, start, gradients)


FOLLOWERS: dict[str, Follower] = {
    "instep": _instep,
    "torch": _torch,
    "pytorch_optimizer": _pytorch_optimizer,
    "timm": _timm,
    "keras": _keras,
    "schedulefree": _schedulefree,
    "optax": _optax,
    "_stochastic_optimizers": _sklearn,
    "tf": _tensorflow,
    "thinc": _thinc,
    "qml": _pennylane,
    "qiskit_algorithms": _qiskit_algorithms,
    "pm": _pymc,
    "autograd": _autograd,
    "river": _river,
    "rmsprop_tf_like": _rmsprop_tf_like,
}
