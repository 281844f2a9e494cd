"""Training the network on the digits with what a combination stores."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

import instep
from instep.study.handwriting import network
from instep.study.sampling import batches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike, NDArray

    from instep.study.arrays import Singles
    from instep.study.handwriting.data import Digits
    from instep.study.handwriting.training import Schedule
    from instep.study.progress import Bar
    from instep.study.sixteen_bits.combinations import Combination

LR = 1e-3


@dataclass(frozen=True)
class Run:
    """What a run leaves: the loss on the training part before it and after each epoch.

    `accuracy` is that on the test part at the end.
    """

    combination: Combination
    seed: int
    epoch_ends: list[int]
    losses: list[float]
    accuracy: float


def train(combination: Combination, digits: Digits, schedule: Schedule, bar: Bar) -> Run:
    """Train from the weights that the schedule's seed gives.

    The network computes in float32 with the weights, or their copy, as they are stored, so that
    nothing but what is stored differs. Its gradients are rounded to the dtype of these.
    """
    _, height, width, _ = digits.train.images.shape
    initial = network.initial_weights(height, width, schedule.seed)
    weights = _stored(initial, combination.weights)
    copies = None if combination.copies is None else _stored(initial, combination.copies)
    trained = weights if copies is None else copies
    optimizer = instep.Adam(
        weights, lr=LR, seed=schedule.seed, copies=copies, **combination.options
    )
    steps_per_epoch = schedule.steps_per_epoch(digits)
    epoch_ends = [0]
    losses = [network.loss(_widened(trained), digits.train)]
    epochs = batches(
        len(digits.train), size=schedule.batch_size, epochs=schedule.epochs, seed=schedule.seed
    )
    for step, batch in enumerate(chain.from_iterable(epochs), start=1):
        images, labels = digits.train.images[batch], digits.train.labels[batch]
        _, gradients = network.loss_and_gradients(_widened(trained), images, labels)
        # A run that diverges tells so by its losses.
        with np.errstate(all="ignore"):
            optimizer.step(_stored(gradients, combination.trained))
        if step % steps_per_epoch == 0:
            epoch_ends.append(step)
            losses.append(network.loss(_widened(trained), digits.train))
            bar.advance(steps_per_epoch)
    accuracy = network.accuracy(_widened(trained), digits.test)
    return Run(combination, schedule.seed, epoch_ends, losses, accuracy)


def _stored(arrays: Mapping[str, NDArray[Any]], dtype: DTypeLike) -> dict[str, NDArray[Any]]:
    with np.errstate(all="ignore"):
        return {name: array.astype(dtype) for name, array in arrays.items()}


def _widened(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Singles]:
    return {name: array.astype(np.float32, copy=False) for name, array in arrays.items()}
