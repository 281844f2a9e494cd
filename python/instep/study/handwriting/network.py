"""The network: two convolutions and two fully connected layers, differentiated by JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from instep.study.handwriting.idx import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from instep.study.arrays import Singles
    from instep.study.handwriting.data import Images, LabelledImages, Labels

# The network is small; a GPU would gain nothing, and its gradients are no memory of NumPy's.
jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]

CHANNELS = (8, 16)
HIDDEN = 128
ARCHITECTURE = (
    f"Two convolutions (3 × 3, stride 2, {CHANNELS[0]} and {CHANNELS[1]} channels) and two fully "
    f"connected layers ({HIDDEN} neurons, {CLASSES} classes) with ReLU between them"
)
# Images of any number are classified in pieces, so that they need little memory.
PIECE = 1000


def initial_weights(height: int, width: int, seed: int) -> dict[str, Singles]:
    """Return He's initialisation for images of `height` by `width` pixels, biases zero."""
    for _ in CHANNELS:
        height, width = -(-height // 2), -(-width // 2)
    first, second = CHANNELS
    shapes = {
        "conv1": (3, 3, 1, first),
        "conv2": (3, 3, first, second),
        "dense1": (height * width * second, HIDDEN),
        "dense2": (HIDDEN, CLASSES),
    }
    generator = np.random.default_rng(seed)
    weights: dict[str, Singles] = {}
    for name, shape in shapes.items():
        deviation = np.sqrt(2.0 / np.prod(shape[:-1]))
        kernel = deviation * generator.standard_normal(shape)
        weights[f"{name}.weight"] = kernel.astype(np.float32)
        weights[f"{name}.bias"] = np.zeros(shape[-1], np.float32)
    return weights


def loss_and_gradients(
    weights: dict[str, Singles], images: Images, labels: Labels
) -> tuple[float, dict[str, Singles]]:
    """Return the batch's mean cross-entropy and its gradients, which are views of JAX's memory."""
    loss, gradients = _loss_and_gradients(weights, images, labels)
    # np.asarray waits for the result. That matters beyond the gradient itself: JAX may read the
    # NumPy weights in place, so they must not change before it has done.
    return float(loss), {name: np.asarray(gradients[name]) for name in weights}


def loss(weights: dict[str, Singles], part: LabelledImages) -> float:
    """Return the mean cross-entropy on all of `part`."""
    pieces = _pieces(part)
    total = sum(
        len(piece) * float(_loss_alone(weights, piece.images, piece.labels)) for piece in pieces
    )
    return total / len(part)


def accuracy(weights: dict[str, Singles], part: LabelledImages) -> float:
    """Return the share of `part` that the network classifies correctly."""
    pieces = _pieces(part)
    correct = sum(int(_correct(weights, piece.images, piece.labels)) for piece in pieces)
    return correct / len(part)


def live_units(weights: dict[str, Singles], part: LabelledImages) -> tuple[float, ...]:
    """Return the share of each hidden layer's channels and neurons that an image activates."""
    live = [
        [np.asarray(units) for units in _activated(weights, piece.images)]
        for piece in _pieces(part)
    ]
    return tuple(float(np.logical_or.reduce(units).mean()) for units in zip(*live, strict=True))


def _pieces(part: LabelledImages) -> Iterator[LabelledImages]:
    for start in range(0, len(part), PIECE):
        yield part[start : start + PIECE]


def _convolve(images: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    layout = ("NHWC", "HWIO", "NHWC")
    strides = (2, 2)
    convolved = jax.lax.conv_general_dilated(
        images, kernel, strides, "SAME", dimension_numbers=layout
    )
    return convolved + bias


def _hidden(weights: dict[str, jax.Array], images: jax.Array) -> list[jax.Array]:
    """Return what each hidden layer gives, channels or neurons along the last axis."""
    layers = []
    for name in ("conv1", "conv2"):
        images = jax.nn.relu(_convolve(images, weights[f"{name}.weight"], weights[f"{name}.bias"]))
        layers.append(images)
    features = images.reshape(len(images), -1)
    layers.append(jax.nn.relu(features @ weights["dense1.weight"] + weights["dense1.bias"]))
    return layers


def _logits(weights: dict[str, jax.Array], images: jax.Array) -> jax.Array:
    hidden = _hidden(weights, images)[-1]
    return hidden @ weights["dense2.weight"] + weights["dense2.bias"]


def _loss(weights: dict[str, jax.Array], images: jax.Array, labels: jax.Array) -> jax.Array:
    log_probabilities = jax.nn.log_softmax(_logits(weights, images))
    return -jnp.take_along_axis(log_probabilities, labels[:, jnp.newaxis], axis=1).mean()


_loss_alone = jax.jit(_loss)
_loss_and_gradients = jax.jit(jax.value_and_grad(_loss))


@jax.jit
def _correct(weights: dict[str, jax.Array], images: jax.Array, labels: jax.Array) -> jax.Array:
    return (jnp.argmax(_logits(weights, images), axis=1) == labels).sum()


@jax.jit
def _activated(weights: dict[str, jax.Array], images: jax.Array) -> list[jax.Array]:
    return [(layer > 0).any(axis=range(layer.ndim - 1)) for layer in _hidden(weights, images)]
