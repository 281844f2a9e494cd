r"""A stochastic convex problem: schedules that must know the end, and means that need not.

A linear model learns from a stream of examples, each met once, by its absolute errors,

.. math:: f(w) = E |a \cdot (w - w^*) - \epsilon|, \qquad a \sim N(0, H), \quad
    \epsilon \sim N(0, \sigma^2)

with :math:`H` diagonal, its entries falling as 1/k. The error is normal, so that the loss is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

import instep
from instep.schedules import CosineDecay, InverseSquareRoot, PolynomialDecay
from instep.study.report.iterations import Iterations, logarithmic_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from instep.study.arrays import Doubles
    from instep.study.progress import Bar, Progress

WIDTH = 20
STREAMS = 8
DISTANCE = 3.0
"""From the start to the solution."""

NOISE = 0.1
VARIANCES = 1.0 / np.arange(1, WIDTH + 1)
RATES = tuple(2.0**exponent for exponent in range(-11, 1))
MARKS = 40
SHORTER = (100, 10)
"""Schedules that end are tried on streams that are so many times shorter, too."""

_CHUNK = 1000


def _weights(_: instep.Optimizer, weights: Doubles) -> Doubles:
    return weights


def _average(optimizer: instep.Optimizer, _: Doubles) -> Doubles:
    return np.array([each["ax"] for each in optimizer.state_dict()["state"].values()])


def _evaluated(optimizer: Any, weights: Doubles) -> Doubles:
    optimizer.eval()
    learned = weights.copy()
    optimizer.train()
    return learned


@dataclass(frozen=True)
class Contestant:
    """An optimizer and its schedule: a rate, or a callable, for a grid's rate and a length.

    `learned` returns what counts after a step: the weights, or a mean of them.
    """

    title: str
    optimizer: Callable[..., instep.Optimizer]
    schedule: Callable[[float, int], Any] = lambda rate, _: rate
    options: Mapping[str, Any] = field(default_factory=dict)
    ends: bool = False
    learned: Callable[[Any, Doubles], Doubles] = _weights


CONTESTANTS = (
    Contestant("SGD", instep.SGD),
    Contestant("SGD, schedule", instep.SGD, lambda rate, _: InverseSquareRoot(rate)),
    Contestant(
        "SGD, linear", instep.SGD, lambda rate, steps: PolynomialDecay(rate, 0.0, steps), ends=True
    ),
    Contestant("SGD, cosine", instep.SGD, CosineDecay, ends=True),
    Contestant(
        "ASGD",
        instep.ASGD,
        # The plain mean of all points of SGD at a constant rate: ASGD's t counts from 0.
        options={"lambd": 0.0, "t0": -1.0},
        learned=_average,
    ),
    Contestant("ScheduleFreeSGD", instep.ScheduleFreeSGD, learned=_evaluated),
    Contestant("Adam, cosine", instep.Adam, CosineDecay, ends=True),
    Contestant("ScheduleFreeAdamW", instep.ScheduleFreeAdamW, learned=_evaluated),
)
"""Without decay all, at their other defaults."""


@dataclass(frozen=True)
class Training:
    """Losses above the least one, means over the streams: a row for each rate, columns for marks.

    Rows whose rate is too large may end anywhere.
    """

    marks: Iterations
    losses: Doubles

    @property
    def best(self) -> int:
        """Which rate ends lowest."""
        return int(np.argmin(self.losses[:, -1]))


Trainings: TypeAlias = dict[str, dict[int, Training]]
"""For each contestant and length; the longest length comes first."""


def loss(distances: Doubles) -> Doubles:
    """Return how far the loss is above the least one, at these distances from the solution."""
    spread = np.sqrt((distances**2 * VARIANCES).sum(axis=-1) + NOISE**2)
    above: Doubles = math.sqrt(2 / math.pi) * (spread - NOISE)
    return above


def solutions(seed: int) -> Doubles:
    """Return the solution of each stream."""
    drawn = np.random.default_rng([seed, 0]).standard_normal((STREAMS, WIDTH))
    far: Doubles = DISTANCE * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return far


def examples(seed: int, steps: int) -> Iterator[tuple[Doubles, Doubles]]:
    """Yield features and noise of the next example of each stream."""
    rng = np.random.default_rng([seed, 1])
    for begin in range(0, steps, _CHUNK):
        count = min(_CHUNK, steps - begin)
        features = rng.standard_normal((count, STREAMS, WIDTH)) * np.sqrt(VARIANCES)
        yield from zip(features, NOISE * rng.standard_normal((count, STREAMS)), strict=True)


def train(contestant: Contestant, steps: int, seed: int, bar: Bar) -> Training:
    """Learn from all streams at all rates, from weights of 0."""
    solution = solutions(seed)
    weights = np.zeros((len(RATES), STREAMS, WIDTH))
    optimizer = contestant.optimizer(
        [
            {"params": each, "lr": contestant.schedule(rate, steps), **contestant.options}
            for each, rate in zip(weights, RATES, strict=True)
        ]
    )
    gradient = np.empty_like(weights)
    # One buffer for each group, the same at every step: checked once, not every time.
    buffers = list(gradient)
    marks = logarithmic_marks(steps, MARKS)
    marked = set(marks.tolist())
    losses = []
    for count, (features, noise) in enumerate(examples(seed, steps), 1):
        errors = np.einsum("rsk,sk->rs", weights - solution, features) - noise
        np.multiply(np.sign(errors)[..., None], features, out=gradient)
        optimizer.step(buffers)
        if count in marked:
            learned = contestant.learned(optimizer, weights)
            losses.append(loss(learned - solution).mean(axis=1))
        if count % 100 == 0:
            bar.advance(100)
    return Training(marks, np.array(losses).T)


def lengths(contestant: Contestant, steps: int) -> list[int]:
    """Return the lengths that a contestant is tried on."""
    return [steps, *(steps // shorter for shorter in SHORTER if contestant.ends)]


def train_all(seed: int, steps: int, progress: Progress) -> Trainings:
    """Train all contestants on the same streams."""
    total = sum(sum(lengths(contestant, steps)) for contestant in CONTESTANTS)
    bar = progress.bar("convex: schedules", total)
    trainings: Trainings = {}
    for contestant in CONTESTANTS:
        bar.advance(0, contestant.title)
        trainings[contestant.title] = {
            length: train(contestant, length, seed, bar) for length in lengths(contestant, steps)
        }
    return trainings
