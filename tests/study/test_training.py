"""The training run: both sides take the same steps, and a difference does not pass unseen."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from instep.extras import CommandError
from instep.study.data import Digits, Part
from instep.study.optimizers import OPTIMIZERS, Array, Pairing
from instep.study.training import Outcome, Schedule, train

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEDULE = Schedule(epochs=5, batch_size=8, seed=0)


class SoftmaxRegression:
    """A network of one layer, with its gradients written down."""

    def loss_and_gradients(
        self, weights: dict[str, Array], images: Array, labels: np.ndarray
    ) -> tuple[float, dict[str, Array]]:
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

    def accuracy(self, weights: dict[str, Array], part: Part) -> float:
        logits = part.images.reshape(len(part), -1) @ weights["weight"] + weights["bias"]
        return float(np.mean(logits.argmax(axis=1) == part.labels))


def easy_digits(count: int = 60) -> Digits:
    labels = np.arange(count, dtype=np.int32) % 10
    noise = np.random.default_rng(0).random((count, 2, 5, 1)) / 4
    images = noise.astype(np.float32)
    images.reshape(count, -1)[np.arange(count), labels] = 1
    part = Part(images, labels)
    return Digits("easy digits", train=part[10:], test=part[:10])


def initial_weights() -> dict[str, Array]:
    return {"weight": np.zeros((10, 10), np.float32), "bias": np.zeros(10, np.float32)}


def ignore_report(loss: float, accuracy: float) -> None:
    pass


def run(
    pairing: Pairing, lr: float | None = None, initial: dict[str, Array] | None = None
) -> Outcome:
    return train(
        pairing,
        pairing.lr if lr is None else lr,
        initial_weights() if initial is None else initial,
        easy_digits(),
        SoftmaxRegression(),
        SCHEDULE,
        ignore_report,
    )


@pytest.mark.parametrize("pairing", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
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


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_that_diverges_to_nan_ends_equal(name: str) -> None:
    weights = initial_weights()
    weights["bias"][3] = np.nan
    outcome = run(OPTIMIZERS[name], initial=weights)
    assert math.isnan(outcome.final_loss)


def last_bit_of(array: Array) -> None:
    bits = array.view(np.uint32)
    bits.reshape(-1)[-1] ^= 1


@pytest.mark.parametrize("where", ["weight", "exp_avg_sq of bias"])
def test_one_different_bit_is_refused(where: str) -> None:
    adam = OPTIMIZERS["adam"]

    def reference(
        params: Sequence[Array],
        grads: Sequence[Array],
        exp_avg: Sequence[Array],
        exp_avg_sq: Sequence[Array],
        *,
        step: int,
        lr: float,
    ) -> None:
        adam.reference(params, grads, exp_avg, exp_avg_sq, step=step, lr=lr)
        if step == 30:
            last_bit_of(params[0] if where == "weight" else exp_avg_sq[1])

    with pytest.raises(CommandError, match=f"^Adam: {where} differs .* in 1 of 10+ elements"):
        run(dataclasses.replace(adam, reference=reference))


def test_other_hyperparameters_are_refused() -> None:
    amsgrad = dataclasses.replace(OPTIMIZERS["amsgrad"], options={})
    with pytest.raises(CommandError, match=r"^AMSGrad: weight differs"):
        run(amsgrad)
