"""JAX computes the gradients, instep takes the steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import assert_same, refused
from tests.cases import Array

jax: Any = pytest.importorskip("jax")
jnp: Any = pytest.importorskip("jax.numpy")

N_IN, N_HIDDEN, N_OUT = 5, 16, 3


def flat(tree: Any) -> dict[str, Any]:
    """Return the leaves of a pytree by their paths."""
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {jax.tree_util.keystr(path): leaf for path, leaf in leaves}


def new_params(seed: int, dtype: Any = np.float32) -> dict[str, dict[str, Array]]:
    rng = np.random.default_rng(seed)

    def layer(n_in: int, n_out: int) -> dict[str, Array]:
        weights = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
        return {"w": weights.astype(dtype), "b": np.zeros(n_out, dtype)}

    return {"hidden": layer(N_IN, N_HIDDEN), "output": layer(N_HIDDEN, N_OUT)}


def data(dtype: Any = np.float32) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((64, N_IN)).astype(dtype)
    return x, np.sin(x[:, :N_OUT])


def loss(params: Any, x: Any, y: Any) -> Any:
    hidden = jnp.tanh(x @ params["hidden"]["w"] + params["hidden"]["b"])
    return jnp.mean((hidden @ params["output"]["w"] + params["output"]["b"] - y) ** 2)


loss_and_grad = jax.jit(jax.value_and_grad(loss))

# instep's options, and what optax calls the same formula.
OPTIMIZERS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 0.1}, "sgd", {"learning_rate": 0.1}),
    "momentum": (
        "SGD",
        {"lr": 0.05, "momentum": 0.9},
        "sgd",
        {"learning_rate": 0.05, "momentum": 0.9},
    ),
    "Nesterov": (
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
        "sgd",
        {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    ),
    "Adam": ("Adam", {"lr": 0.01}, "adam", {"learning_rate": 0.01}),
    "AdamW": (
        "AdamW",
        {"lr": 0.01, "weight_decay": 0.1},
        "adamw",
        {"learning_rate": 0.01, "weight_decay": 0.1},
    ),
    "RMSprop": (
        "RMSprop",
        {"lr": 0.01, "alpha": 0.9},
        "rmsprop",
        {"learning_rate": 0.01, "decay": 0.9, "eps_in_sqrt": False},
    ),
    "Adagrad": (
        "Adagrad",
        {"lr": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-7, "eps_inside_sqrt": True},
        "adagrad",
        {"learning_rate": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-7},
    ),
    "Adadelta": ("Adadelta", {"lr": 1.0}, "adadelta", {"learning_rate": 1.0}),
}


@pytest.mark.parametrize(
    ("name", "options", "peer", "peer_options"), OPTIMIZERS.values(), ids=list(OPTIMIZERS)
)
def test_training_equals_optax(
    name: str, options: dict[str, Any], peer: str, peer_options: dict[str, Any]
) -> None:
    optax: Any = pytest.importorskip("optax")
    # In double precision, so that rounding errors cannot hide another formula.
    with jax.enable_x64(True):
        x, y = data(np.float64)
        params, theirs = new_params(0, np.float64), new_params(0, np.float64)
        optimizer = getattr(instep, name)(flat(params), **options)
        transform = getattr(optax, peer)(**peer_options)
        state = transform.init(theirs)
        losses, their_losses = [], []
        for _ in range(50):
            value, grads = loss_and_grad(params, x, y)
            losses.append(float(value))
            optimizer.step(flat(grads))
            value, grads = loss_and_grad(theirs, x, y)
            their_losses.append(float(value))
            updates, state = transform.update(grads, state, theirs)
            theirs = optax.apply_updates(theirs, updates)
        assert losses[-1] < 0.8 * losses[0]
        np.testing.assert_allclose(losses, their_losses, rtol=1e-9)
        for path, param in flat(params).items():
            np.testing.assert_allclose(param, flat(theirs)[path], rtol=1e-8, err_msg=path)


def test_gradients_are_the_arrays_that_jax_shows() -> None:
    x, y = data()
    params, same = new_params(0), new_params(0)
    _, grads = loss_and_grad(params, x, y)
    instep.Adam(flat(params)).step(flat(grads))
    instep.Adam(flat(same)).step({path: np.array(grad) for path, grad in flat(grads).items()})
    assert_same(params, same)


def test_a_gradient_that_is_being_computed_is_waited_for() -> None:
    def slow(matrix: Any) -> Any:
        return jax.lax.fori_loop(0, 50, lambda _, m: jnp.cos(m @ m), matrix)

    matrix = np.random.default_rng(0).standard_normal((200, 200)).astype(np.float32)
    w = np.zeros_like(matrix)
    instep.SGD(w, lr=1.0).step(jax.jit(slow)(matrix))
    assert_same(w, -np.asarray(jax.jit(slow)(matrix)))


def test_float64_where_jax_has_it() -> None:
    w = np.zeros(3)
    with jax.enable_x64(True):
        instep.SGD(w, lr=1.0).step(jnp.arange(3.0))
    assert w.tolist() == [0.0, -1.0, -2.0]


def test_rows_of_an_embedding() -> None:
    table = np.zeros((4, 2), np.float32)
    gradient = instep.RowGradient(jnp.array([2, 0]), jnp.ones((2, 2)))
    instep.SGD(table, lr=1.0).step(gradient)
    assert table.tolist() == [[-1, -1], [0, 0], [-1, -1], [0, 0]]


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"parameter: .*read-only.*step a copy, w = np\.array\("):
        instep.SGD(jnp.zeros(4))
    with pytest.raises(ValueError, match=r"copy: .*read-only.*as JAX's arrays never may"):
        instep.SGD(np.zeros(4), copies=jnp.zeros(4))
    w = np.zeros(4, np.float32)
    optimizer = instep.SGD([w])
    deleted = jnp.ones(4)
    deleted.delete()
    for grad, match in [
        (jnp.ones(4, jnp.bfloat16), r"got .*ArrayImpl \(.*float32 or float64"),
        (deleted, "got .*ArrayImpl"),
    ]:
        with refused(TypeError, f"gradient of parameter 0: .*{match}", optimizer):
            optimizer.step([grad])
    with refused(TypeError, "gradient of parameter 0: .*[Tt]race", optimizer):
        jax.jit(lambda grad: optimizer.step([grad]))(jnp.ones(4))
