"""A small convolutional network on handwritten digits, by every optimizer at several rates.

JAX computes the gradients on the CPU; instep steps the NumPy weights in place, and the NumPy
reference steps copies of them. The two must end bit-equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.study.digits import pictures, text
from instep.study.digits.arguments import ON_REQUEST, QUICK_STEPS, STEPS
from instep.study.digits.smoothing import SmoothedLoss
from instep.study.handwriting import data, network
from instep.study.handwriting.training import choose_schedule, train
from instep.study.report.findings import Curves, Findings
from instep.study.report.words import significant

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from instep.study.handwriting.training import TrainingRun
    from instep.study.progress import Bar, Progress

NOTED_STEPS = 20


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Train with each optimizer at each rate, from the same weights and with the same batches."""
    digits = data.load(settings.data, settings.seed)
    schedule = choose_schedule(
        digits,
        settings.batch_size,
        settings.seed,
        epochs=settings.epochs,
        steps=QUICK_STEPS if settings.quick else STEPS,
    )
    _, height, width, _ = digits.train.images.shape
    initial = network.initial_weights(height, width, settings.seed)
    rates = list(dict.fromkeys(settings.rates))
    steps = schedule.epochs * schedule.steps_per_epoch(digits)
    outcomes = []
    for name in dict.fromkeys(settings.optimizers):
        pairing = ON_REQUEST[name]
        bar = progress.bar(pairing.title, len(rates) * steps)
        for lr in rates:
            note = note_on(bar, lr)
            outcomes.append(train(pairing, lr, initial, digits, network, schedule, note))
    return Findings(
        text.describe(outcomes, digits, schedule, network.ARCHITECTURE),
        [pictures.draw_losses(outcomes, digits.source)],
        _curves(outcomes),
    )


def note_on(bar: Bar, lr: float) -> Callable[[float, float], None]:
    """Return what takes the loss and accuracy of each step and shows them beside the bar."""
    smoothed = SmoothedLoss(NOTED_STEPS)

    def note(loss: float, accuracy: float) -> None:
        mean = significant(smoothed.update(loss))
        bar.advance(1, f"rate {lr:<6g} loss {mean:8} accuracy {accuracy:.1%}")

    return note


def _curves(outcomes: list[TrainingRun]) -> list[Curves]:
    losses = Curves("losses", "optimizer", "learning rate", "iteration", "loss")
    accuracies = Curves("accuracies", "optimizer", "learning rate", "iteration", "test accuracy")
    for outcome in outcomes:
        run_ = outcome.pairing.title, outcome.lr
        losses.add(*run_, range(1, len(outcome.losses) + 1), outcome.losses)
        accuracies.add(*run_, outcome.epoch_ends, outcome.accuracies)
    return [losses, accuracies]
