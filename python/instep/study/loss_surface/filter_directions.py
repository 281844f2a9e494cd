"""Directions in the space of a network's weights, scaled filter by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from instep.study.arrays import Singles


def random_direction(
    weights: Mapping[str, Singles], generator: np.random.Generator
) -> dict[str, Singles]:
    """Draw a direction of independent standard normal numbers; biases do not move."""
    return {
        name: (
            generator.standard_normal(array.shape, np.float32)
            if array.ndim > 1
            else np.zeros_like(array)
        )
        for name, array in weights.items()
    }


def normalise(
    direction: Mapping[str, Singles], weights: Mapping[str, Singles]
) -> dict[str, Singles]:
    r"""Return the direction with each filter as long as that of the weights.

    .. math:: d_{ij} \leftarrow \frac{d_{ij}}{\lVert d_{ij} \rVert} \lVert \theta_{ij} \rVert

    for filter :math:`j` of layer :math:`i`: what makes one output channel of a convolution or one
    neuron, all but the last axis of the weights.

    References
    ----------
    H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, "Visualizing the Loss Landscape of Neural
    Nets", NeurIPS 2018 (arXiv:1712.09913).

    Examples
    --------
    >>> d = {"dense": np.array([[3.0, 0.0], [4.0, 1.0]], np.float32)}
    >>> w = {"dense": np.array([[0.0, 2.0], [1.0, 0.0]], np.float32)}
    >>> normalise(d, w)["dense"].tolist()
    [[0.6000000238418579, 0.0], [0.800000011920929, 2.0]]
    """
    scaled = {}
    for name, array in direction.items():
        lengths, wanted = filter_lengths(array), filter_lengths(weights[name])
        # A bias's direction is zero and stays it.
        factors = np.divide(wanted, lengths, out=np.zeros_like(wanted), where=lengths > 0)
        scaled[name] = array * factors
    return scaled


def filter_lengths(array: Singles) -> Singles:
    """Return the Euclidean norm of each filter, along all axes but the last."""
    lengths: Singles = np.sqrt(np.square(array).sum(axis=tuple(range(array.ndim - 1))))
    return lengths


def move(
    weights: Mapping[str, Singles], *displacements: tuple[float, Mapping[str, Singles]]
) -> dict[str, Singles]:
    """Return the weights moved so far along each direction."""
    moved = {name: array.copy() for name, array in weights.items()}
    for distance, direction in displacements:
        for name, array in moved.items():
            array += np.float32(distance) * direction[name]
    return moved
