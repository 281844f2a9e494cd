"""A training run: compiled steps, and the reference's steps on copies with the same gradients."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from instep.extras import CommandError
from instep.study.data import Digits, Images, Labels, Part, batches

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from instep.study.optimizers import Array, Pairing


class Network(Protocol):
    """What is trained. :mod:`instep.study.network` is one."""

    def loss_and_gradients(
        self, weights: dict[str, Array], images: Images, labels: Labels, /
    ) -> tuple[float, dict[str, Array]]:
        """Return the loss on a batch and its gradients, named and ordered as `weights`."""

    def accuracy(self, weights: dict[str, Array], part: Part, /) -> float:
        """Return the share of `part` that is classified correctly."""


@dataclass(frozen=True)
class Schedule:
    """The same batches for every optimizer."""

    epochs: int
    batch_size: int
    seed: int

    def steps_per_epoch(self, digits: Digits) -> int:
        """Return the number of full batches in the training part."""
        return len(digits.train) // self.batch_size


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: the loss of every batch, and the seconds that each side's steps took."""

    pairing: Pairing
    lr: float
    losses: list[float]
    final_loss: float
    accuracy: float
    seconds: float
    reference_seconds: float


def train(
    pairing: Pairing,
    lr: float,
    initial: dict[str, Array],
    digits: Digits,
    network: Network,
    schedule: Schedule,
    report: Callable[[float, float], None],
) -> Outcome:
    """Train from `initial`; call `report` with loss and latest test accuracy after each step.

    Raises
    ------
    CommandError
        When the two sides are not equal, bit for bit, at the end.
    """
    weights = {name: array.copy() for name, array in initial.items()}
    optimizer = pairing.optimizer(weights, lr=lr)
    copies = [array.copy() for array in initial.values()]
    states = [[np.zeros_like(copy) for copy in copies] for _ in pairing.states]

    steps_per_epoch = schedule.steps_per_epoch(digits)
    losses: list[float] = []
    seconds = reference_seconds = 0.0
    accuracy = network.accuracy(weights, digits.test)
    for step, batch in enumerate(
        batches(
            len(digits.train),
            size=schedule.batch_size,
            epochs=schedule.epochs,
            seed=schedule.seed,
        ),
        start=1,
    ):
        images, labels = digits.train.images[batch], digits.train.labels[batch]
        loss, gradients = network.loss_and_gradients(weights, images, labels)
        in_order = list(gradients.values())
        # A run that diverges overflows on both sides alike; its losses tell, warnings need not.
        with np.errstate(all="ignore"):
            # The reference comes second: finding the gradients in cache can only flatter it.
            started = perf_counter()
            optimizer.step(gradients)
            stepped = perf_counter()
            pairing.reference_step(copies, in_order, states, step=step, lr=lr)
            ended = perf_counter()
        seconds += stepped - started
        reference_seconds += ended - stepped
        losses.append(loss)
        if step % steps_per_epoch == 0:
            accuracy = network.accuracy(weights, digits.test)
        report(loss, accuracy)

    _check_equal(pairing, optimizer.state_dict()["state"], weights, copies, states)
    return Outcome(
        pairing,
        lr,
        losses,
        final_loss=float(np.mean(losses[-steps_per_epoch:])),
        accuracy=accuracy,
        seconds=seconds,
        reference_seconds=reference_seconds,
    )


def _check_equal(
    pairing: Pairing,
    compiled_states: dict[int, dict[str, Array]],
    weights: dict[str, Array],
    copies: list[Array],
    states: list[list[Array]],
) -> None:
    for index, name in enumerate(weights):
        pairs = {name: (weights[name], copies[index])}
        for state, arrays in zip(pairing.states, states, strict=True):
            pairs[f"{state} of {name}"] = compiled_states[index][state], arrays[index]
        for what, (compiled, expected) in pairs.items():
            if differing := int(np.count_nonzero(_differ(compiled, expected))):
                raise CommandError(
                    f"{pairing.title}: {what} differs from the NumPy reference in {differing} of "
                    f"{expected.size} elements; this is a defect of instep, please report it"
                )


def _differ(compiled: Array, expected: Array) -> NDArray[np.bool_]:
    """Compare bits; any NaN equals any other, since its sign and payload are unspecified."""
    bits_differ: NDArray[np.bool_] = compiled.view(np.uint32) != expected.view(np.uint32)
    return np.logical_and(bits_differ, ~(np.isnan(compiled) & np.isnan(expected)))
