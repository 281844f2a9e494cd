"""A training run: compiled steps, and the reference's steps on copies with the same gradients."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np

import instep
from instep.commandline.errors import CommandError
from instep.study.handwriting.data import Digits, Images, LabelledImages, Labels
from instep.study.handwriting.idx import CLASSES
from instep.study.sampling import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from instep.study.arrays import Singles, State
    from instep.study.optimizers import Pairing

CHANCE = math.log(CLASSES)
"""The loss of a network that tells all digits alike."""

TWO_POINTS = (instep.ScheduleFreeAdamW, instep.ScheduleFreeSGD)
"""Classes that learn another point than the one at which they take gradients."""


class Network(Protocol):
    """What is trained. :mod:`instep.study.handwriting.network` is one."""

    def loss_and_gradients(
        self, weights: dict[str, Singles], images: Images, labels: Labels, /
    ) -> tuple[float, dict[str, Singles]]:
        """Return the loss on a batch and its gradients, named and ordered as `weights`."""

    def accuracy(self, weights: dict[str, Singles], part: LabelledImages, /) -> float:
        """Return the share of `part` that is classified correctly."""

    def live_units(self, weights: dict[str, Singles], part: LabelledImages, /) -> tuple[float, ...]:
        """Return the share of each hidden layer's units that some image of `part` activates."""


@dataclass(frozen=True)
class Schedule:
    """The same batches for every optimizer."""

    epochs: int
    batch_size: int
    seed: int

    def steps_per_epoch(self, digits: Digits) -> int:
        """Return the number of full batches in the training part."""
        return len(digits.train) // self.batch_size


def choose_schedule(
    digits: Digits, batch_size: int, seed: int, *, epochs: int | None, steps: int
) -> Schedule:
    """Return a schedule of so many epochs or, where that is left open, of about `steps` steps.

    Raises
    ------
    CommandError
        When the training part fills no batch.
    """
    if batch_size > len(digits.train):
        raise CommandError(
            f"--batch-size {batch_size} is more than the {len(digits.train)} training images"
        )
    if epochs is None:
        epochs = max(1, round(steps / (len(digits.train) // batch_size)))
    return Schedule(epochs, batch_size, seed)


@dataclass(frozen=True)
class TrainingRun:
    """What a run leaves.

    `losses` are those of every batch, before its step; `accuracies` those on the test part, before
    the first step and after every epoch of `steps_per_epoch` steps. `seconds` are those that each
    side's steps took, without the gradients. `weights` are those that are learned, at the end.
    `live_units` are the shares of each hidden layer's units that some training image activates
    then: where a layer has none, no gradient gets through it, and no optimizer can mend that.
    """

    pairing: Pairing
    lr: float
    losses: list[float]
    accuracies: list[float]
    steps_per_epoch: int
    weights: dict[str, Singles]
    live_units: tuple[float, ...]
    seconds: float
    reference_seconds: float

    @property
    def final_loss(self) -> float:
        """The mean loss of the last epoch's batches: not finite where the run diverged."""
        # An infinite loss among finite ones, or a huge one, is no reason to warn.
        with np.errstate(all="ignore"):
            return float(np.mean(self.losses[-self.steps_per_epoch :]))

    @property
    def epoch_ends(self) -> list[int]:
        """The steps after which `accuracies` were measured."""
        return list(range(0, len(self.losses) + 1, self.steps_per_epoch))

    @property
    def accuracy(self) -> float:
        """The accuracy on the test part at the end."""
        return self.accuracies[-1]


def train(
    pairing: Pairing,
    lr: float,
    initial: dict[str, Singles],
    digits: Digits,
    network: Network,
    schedule: Schedule,
    report: Callable[[float, float], None],
) -> TrainingRun:
    """Train from `initial`; call `report` with loss and latest test accuracy after each step.

    Raises
    ------
    CommandError
        When the two sides are not equal, bit for bit, at the end.
    """
    weights = {name: array.copy() for name, array in initial.items()}
    optimizer = pairing.make(weights, lr=lr)
    copies = [array.copy() for array in initial.values()]
    states = pairing.reference_states(copies)

    steps_per_epoch = schedule.steps_per_epoch(digits)
    losses: list[float] = []
    seconds = reference_seconds = 0.0
    accuracies = [network.accuracy(weights, digits.test)]
    epochs = batches(
        len(digits.train), size=schedule.batch_size, epochs=schedule.epochs, seed=schedule.seed
    )
    for step, batch in enumerate(chain.from_iterable(epochs), start=1):
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
            with _learned(optimizer, weights):
                accuracies.append(network.accuracy(weights, digits.test))
        report(loss, accuracies[-1])

    _check_equal(pairing, optimizer.state_dict()["state"], weights, copies, states)
    if isinstance(optimizer, TWO_POINTS):
        optimizer.eval()
    return TrainingRun(
        pairing,
        lr,
        losses,
        accuracies,
        steps_per_epoch,
        weights,
        network.live_units(weights, digits.train),
        seconds=seconds,
        reference_seconds=reference_seconds,
    )


@contextmanager
def _learned(optimizer: instep.Optimizer, weights: dict[str, Singles]) -> Iterator[None]:
    """Bring the weights to what is learned, where that is another point, and back to the bit."""
    if not isinstance(optimizer, TWO_POINTS):
        yield
        return
    stepped = {name: array.copy() for name, array in weights.items()}
    optimizer.eval()
    yield
    # There and back is the same but for rounding, which the reference's copies do not have.
    optimizer.train()
    for name, array in weights.items():
        array[...] = stepped[name]


def _check_equal(
    pairing: Pairing,
    compiled_states: dict[int, dict[str, State | float]],
    weights: dict[str, Singles],
    copies: list[Singles],
    states: dict[str, list[State | None]],
) -> None:
    for index, name in enumerate(weights):
        pairs: dict[str, tuple[State | float, State]] = {name: (weights[name], copies[index])}
        for state, arrays in states.items():
            if (own := arrays[index]) is not None:
                pairs[f"{state} of {name}"] = compiled_states[index][state], own
        for what, (compiled, expected) in pairs.items():
            if differing := int(np.count_nonzero(_differ(compiled, expected))):
                raise CommandError(
                    f"{pairing.title}: {what} differs from the NumPy reference in {differing} of "
                    f"{expected.size} elements; this is a defect of instep, please report it"
                )


def _differ(compiled: State | float, expected: State) -> NDArray[np.bool_]:
    """Compare bits; any NaN equals any other, since its sign and payload are unspecified."""
    found, bits = np.asarray(compiled), f"u{expected.itemsize}"
    bits_differ: NDArray[np.bool_] = found.view(bits) != expected.view(bits)
    not_a_number: NDArray[np.bool_] = np.isnan(found) & np.isnan(expected)
    return np.asarray(bits_differ & ~not_a_number)
