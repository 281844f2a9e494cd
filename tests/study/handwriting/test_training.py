"""The training run: both sides take the same steps, and a difference does not pass unseen."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import instep
from instep import reference
from instep.commandline.errors import CommandError
from instep.study.handwriting.data import Digits, LabelledImages
from instep.study.handwriting.training import Schedule, TrainingRun, choose_schedule, train
from instep.study.optimizers import ABLATIONS, OPTIMIZERS, RELATIVES, Pairing
from instep.study.sampling import batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.arrays import Doubles, Singles

PAIRINGS = OPTIMIZERS | ABLATIONS | RELATIVES
SCHEDULE = Schedule(epochs=5, batch_size=8, seed=0)


class SoftmaxRegression:
    """A network of one layer, with its gradients written down."""

    def loss_and_gradients(
        self, weights: dict[str, Singles], images: Singles, labels: np.ndarray
    ) -> tuple[float, dict[str, Singles]]:
        features = images.reshape(len(images), -1)
        logits = features @ weights["weight"] + weights["bias"]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        truth = np.eye(10, dtype=np.float32)[labels]
        loss = -np.log((probabilities * truth).sum(axis=1)).mean()
        error = (probabilities - truth) / np.float32(len(images))
        gradients = {"weight": features.T @ error, "bias": error.sum(axis=0)}
        for gradient in gradients.values():
            gradient.flags.writeable = False
        return float(loss), gradients

    def accuracy(self, weights: dict[str, Singles], part: LabelledImages) -> float:
        logits = part.images.reshape(len(part), -1) @ weights["weight"] + weights["bias"]
        return float(np.mean(logits.argmax(axis=1) == part.labels))

    def live_units(self, weights: dict[str, Singles], part: LabelledImages) -> tuple[float, ...]:
        return (len(part) / 100, float(weights["bias"][0]))


def easy_digits(count: int = 60) -> Digits:
    labels = np.arange(count, dtype=np.int32) % 10
    noise = np.random.default_rng(0).random((count, 2, 5, 1)) / 4
    images = noise.astype(np.float32)
    images.reshape(count, -1)[np.arange(count), labels] = 1
    part = LabelledImages(images, labels)
    return Digits("easy digits", train=part[10:], test=part[:10])


def initial_weights() -> dict[str, Singles]:
    return {"weight": np.zeros((10, 10), np.float32), "bias": np.zeros(10, np.float32)}


def ignore_report(loss: float, accuracy: float) -> None:
    pass


def run(
    pairing: Pairing, lr: float | None = None, initial: dict[str, Singles] | None = None
) -> TrainingRun:
    return train(
        pairing,
        pairing.lr if lr is None else lr,
        initial_weights() if initial is None else initial,
        easy_digits(),
        SoftmaxRegression(),
        SCHEDULE,
        ignore_report,
    )


@pytest.mark.parametrize("pairing", PAIRINGS.values(), ids=list(PAIRINGS))
def test_the_loss_falls_and_the_sides_stay_equal(pairing: Pairing) -> None:
    outcome = run(pairing)
    assert len(outcome.losses) == 5 * (50 // 8)
    assert outcome.losses[0] == pytest.approx(math.log(10))
    assert outcome.final_loss == pytest.approx(np.mean(outcome.losses[-6:]))
    assert outcome.final_loss < outcome.losses[0]
    assert outcome.seconds > 0
    assert outcome.reference_seconds > 0


def test_every_optimizer_starts_from_the_same_weights() -> None:
    initial = initial_weights()
    run(OPTIMIZERS["sgd"], initial=initial)
    for name, array in initial_weights().items():
        np.testing.assert_array_equal(initial[name], array)


def test_a_learning_rate_of_zero_leaves_loss_and_accuracy() -> None:
    still, moving = run(OPTIMIZERS["sgd"], lr=0.0), run(OPTIMIZERS["sgd"])
    assert still.losses == pytest.approx([math.log(10)] * 30)
    assert still.accuracy == pytest.approx(0.1)
    assert moving.accuracy > 0.9


def test_each_step_is_reported_with_the_accuracy_of_the_last_epoch() -> None:
    reports: list[tuple[float, float]] = []
    outcome = train(
        OPTIMIZERS["sgd"],
        0.5,
        initial_weights(),
        easy_digits(),
        SoftmaxRegression(),
        SCHEDULE,
        lambda *report: reports.append(report),
    )
    losses, accuracies = zip(*reports, strict=True)
    assert list(losses) == outcome.losses
    assert accuracies[:5] == (0.1,) * 5
    assert accuracies[5] > 0.1
    assert accuracies[-1] == outcome.accuracy
    assert outcome.epoch_ends == [0, 6, 12, 18, 24, 30]
    assert outcome.accuracies == [0.1, *accuracies[5::6]]


def test_a_run_leaves_its_weights() -> None:
    """SGD's own first step, from zeros: each class's mean error, once."""
    digits, batch = easy_digits(), slice(0, 50)
    one_step = Schedule(epochs=1, batch_size=50, seed=0)
    outcome = train(
        OPTIMIZERS["sgd"],
        0.5,
        initial_weights(),
        digits,
        SoftmaxRegression(),
        one_step,
        ignore_report,
    )
    _, gradients = SoftmaxRegression().loss_and_gradients(
        initial_weights(), digits.train.images[batch], digits.train.labels[batch]
    )
    for name, weights in outcome.weights.items():
        np.testing.assert_allclose(weights, -0.5 * gradients[name], rtol=1e-5, atol=1e-8)
    assert outcome.live_units == (0.5, outcome.weights["bias"][0])


def test_a_schedule_free_run_is_measured_where_it_learns() -> None:
    """Of the mean of all points, which is neither where gradients are taken nor where steps are."""
    outcome = run(PAIRINGS["schedule-free-sgd"])
    weights = initial_weights()
    optimizer = instep.ScheduleFreeSGD(weights, lr=1.0)
    digits, network = easy_digits(), SoftmaxRegression()
    for epoch in batches(50, size=8, epochs=5, seed=0):
        for batch in epoch:
            images, labels = digits.train.images[batch], digits.train.labels[batch]
            optimizer.step(network.loss_and_gradients(weights, images, labels)[1])
    stepped = weights["weight"].copy()
    optimizer.eval()
    assert not np.array_equal(weights["weight"], stepped)
    for name, array in weights.items():
        np.testing.assert_array_equal(outcome.weights[name], array)
    assert outcome.accuracy == network.accuracy(weights, digits.test)


LAST_EPOCHS = {
    "finite": ([9.0, 1.0, 3.0], 2.0),
    "infinite": ([9.0, 1.0, math.inf], math.inf),
    "not a number": ([9.0, 1.0, math.nan], math.nan),
    "huge": ([9.0, 1e308, 1e308], math.inf),
}


@pytest.mark.parametrize(("losses", "mean"), LAST_EPOCHS.values(), ids=list(LAST_EPOCHS))
def test_the_final_loss_is_the_last_epochs_mean(losses: list[float], mean: float) -> None:
    outcome = dataclasses.replace(run(OPTIMIZERS["sgd"]), losses=losses, steps_per_epoch=2)
    assert outcome.final_loss == pytest.approx(mean, nan_ok=True)


@pytest.mark.parametrize(
    ("batch_size", "epochs", "steps", "chosen"),
    [
        (50, None, 7, 7),
        (25, None, 8, 4),
        (20, None, 9, 4),  # the half closest to an even number, as Python rounds
        (16, None, 1, 1),
        (16, 5, 1, 5),
    ],
)
def test_epochs_make_about_the_steps_or_are_given(
    batch_size: int, epochs: int | None, steps: int, chosen: int
) -> None:
    schedule = choose_schedule(easy_digits(), batch_size, 3, epochs=epochs, steps=steps)
    assert schedule == Schedule(chosen, batch_size, seed=3)


def test_a_batch_larger_than_the_training_part_is_refused() -> None:
    with pytest.raises(CommandError, match="--batch-size 51 is more than the 50 training images"):
        choose_schedule(easy_digits(), 51, 0, epochs=None, steps=10)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", PAIRINGS)
def test_a_run_that_diverges_to_nan_ends_equal(name: str) -> None:
    weights = initial_weights()
    weights["bias"][3] = np.nan
    outcome = run(PAIRINGS[name], initial=weights)
    assert math.isnan(outcome.final_loss)


def last_bit_of(array: Singles) -> None:
    bits = array.view(np.uint32)
    bits.reshape(-1)[-1] ^= 1


@pytest.mark.parametrize("where", ["weight", "exp_avg_sq of bias"])
def test_one_different_bit_is_refused(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adam_step = reference.adam_step

    def one_bit_off(
        params: Sequence[Singles],
        grads: Sequence[Singles],
        *,
        exp_avg: Sequence[Singles],
        exp_avg_sq: Sequence[Singles],
        step: int,
        **options: Any,
    ) -> None:
        adam_step(params, grads, exp_avg, exp_avg_sq, step=step, **options)
        if step == 30:
            last_bit_of(params[0] if where == "weight" else exp_avg_sq[1])

    monkeypatch.setattr(reference, "adam_step", one_bit_off)
    with pytest.raises(CommandError, match=f"^Adam: {where} differs .* in 1 of 10+ elements"):
        run(OPTIMIZERS["adam"])


def test_another_number_of_a_parameter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    nadam_step = reference.nadam_step

    def one_bit_off(
        params: Sequence[Singles],
        grads: Sequence[Singles],
        *,
        mu_product: Sequence[Doubles],
        step: int,
        **states_and_options: Any,
    ) -> None:
        nadam_step(params, grads, mu_product=mu_product, step=step, **states_and_options)
        if step == 30:
            mu_product[1][...] = np.nextafter(mu_product[1], 2.0)

    monkeypatch.setattr(reference, "nadam_step", one_bit_off)
    with pytest.raises(CommandError, match=r"^NAdam: mu_product of bias differs .* in 1 of 1 "):
        run(PAIRINGS["nadam"])


@pytest.mark.parametrize("name", ["amsgrad", "adam-beta1-0", "rmsprop-momentum"])
def test_other_hyperparameters_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pairing = PAIRINGS[name]
    monkeypatch.setattr(pairing.optimizer._rule, "step_options", lambda _: {"lr": pairing.lr})
    with pytest.raises(CommandError, match=f"^{pairing.title}: weight differs"):
        run(pairing)


@pytest.mark.parametrize(
    ("name", "with_memory"),
    [
        *(("adam", True), ("rmsprop-momentum", True)),
        *(("adam-beta1-0", False), ("rmsprop", False), ("adadelta", False), ("adagrad", False)),
    ],
)
def test_without_momentum_a_step_goes_against_the_present_gradient(
    name: str, with_memory: bool
) -> None:
    """A strong gradient, then a weak one of the opposite sign: momentum still follows the first."""
    weights = np.zeros(1, np.float32)
    optimizer = PAIRINGS[name].make(weights, lr=0.1)
    optimizer.step(np.ones(1, np.float32))
    before = weights.copy()
    optimizer.step(np.full(1, -0.1, np.float32))
    assert (weights - before < 0) == with_memory
