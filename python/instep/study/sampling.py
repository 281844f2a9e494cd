"""Which examples are trained on, in which order, and which are kept to test on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Indices: TypeAlias = NDArray[np.intp]


def train_and_test(count: int, generator: np.random.Generator) -> tuple[Indices, Indices]:
    """Return, in random order, the examples to train on and the fifth to test on."""
    order = generator.permutation(count)
    tested = max(1, count // 5)
    return order[tested:], order[:tested]


def batches(
    count: int, *, size: int, epochs: int, seed: int | Sequence[int]
) -> Iterator[list[Indices]]:
    """Yield the batches of each epoch: every epoch another permutation, all batches full.

    What the last full batch of an epoch leaves over is left out, so that a compiled network sees
    one shape.
    """
    generator = np.random.default_rng(seed)
    for _ in range(epochs):
        order = generator.permutation(count)
        yield [order[start : start + size] for start in range(0, count - size + 1, size)]
