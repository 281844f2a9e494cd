"""Training of linear models: every optimizer with every rate of a grid, and a line search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

import instep
from instep.line_search import ArmijoSGD
from instep.study.sampling import batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.arrays import Doubles
    from instep.study.progress import Bar
    from instep.study.where_adam_fails.linear_problems import Examples, LinearProblem

BATCH_SIZE = 100

UNCORRECTED = "Adam uncorrected"
"""Adam without bias correction: AMSGrad has none, and this tells what that alone does."""

OPTIMIZERS: dict[str, Callable[..., instep.Optimizer]] = {
    "Adam": instep.Adam,
    UNCORRECTED: partial(instep.Adam, bias_correction=False),
    "AMSGrad": instep.AMSGrad,
    "RMSprop": instep.RMSprop,
    "Adagrad": instep.Adagrad,
    "SGD": instep.SGD,
}

DEFAULT_RATES = {
    "Adam": 1e-3,
    UNCORRECTED: 1e-3,
    "AMSGrad": 1e-3,
    "RMSprop": 1e-2,
    "Adagrad": 1e-2,
    "SGD": 1e-3,
}
"""The rates that the classes have when none is given; they are in the grid."""

RATES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""The grid."""

LINE_SEARCH = "SGD, line search"


@dataclass(frozen=True)
class LinearRun:
    """Training loss and test accuracy at the start and after each epoch, and all step sizes."""

    losses: Doubles
    accuracies: Doubles
    margin: float
    step_sizes: Doubles

    @property
    def loss(self) -> float:
        """The training loss after the last epoch."""
        return float(self.losses[-1])

    @property
    def accuracy(self) -> float:
        """The test accuracy after the last epoch."""
        return float(self.accuracies[-1])


def typical(runs: Sequence[LinearRun]) -> LinearRun:
    """Join runs of one length: the median of losses, the mean of all else."""
    return LinearRun(
        np.median([run.losses for run in runs], axis=0),
        np.mean([run.accuracies for run in runs], axis=0),
        float(np.mean([run.margin for run in runs])),
        np.exp(np.mean(np.log([run.step_sizes for run in runs]), axis=0)),
    )


def train(
    problem: LinearProblem, title: str, rate: float | None, epochs: int, seed: Sequence[int]
) -> LinearRun:
    """Train from zeros, with a constant rate or, without one, by the line search."""
    weights = problem.initial_weights()
    losses, accuracies, step_sizes = [], [], []

    def measure() -> None:
        losses.append(problem.value(weights, problem.train))
        accuracies.append(problem.accuracy(weights))

    step = _step_by(problem, weights, title, rate)
    # A run that diverges overflows; its losses tell, warnings need not.
    with np.errstate(all="ignore"):
        measure()
        for epoch in batches(len(problem.train), size=BATCH_SIZE, epochs=epochs, seed=seed):
            step_sizes += [step(problem.train[indices]) for indices in epoch]
            measure()
        margin = problem.relative_margin(weights)
    return LinearRun(
        np.nan_to_num(losses, nan=np.inf), np.array(accuracies), margin, np.array(step_sizes)
    )


def _step_by(
    problem: LinearProblem, weights: Doubles, title: str, rate: float | None
) -> Callable[[Examples], float]:
    """Return what takes a step on a batch and returns its size."""
    if rate is None:
        search = ArmijoSGD(weights, batch_fraction=BATCH_SIZE / len(problem.train))

        def by_search(batch: Examples) -> float:
            value, gradient = problem.value_and_gradient(weights, batch)
            search.step(lambda: problem.value(weights, batch), gradient, value=value)
            return search.lr

        return by_search
    optimizer = OPTIMIZERS[title](weights, lr=rate)

    def by_rate(batch: Examples) -> float:
        optimizer.step(problem.value_and_gradient(weights, batch)[1])
        return rate

    return by_rate


LinearRuns: TypeAlias = dict[str, dict[float | None, LinearRun]]
"""For each optimizer and rate (None: the line search), what is typical of several draws."""


def train_all(draws: Sequence[LinearProblem], epochs: int, seed: int, bar: Bar) -> LinearRuns:
    """Train by everything, on draws of one problem; the batches are the same for all optimizers."""
    outcomes: LinearRuns = {LINE_SEARCH: {}, **{title: {} for title in OPTIMIZERS}}
    for title, runs in outcomes.items():
        for rate in (None,) if title == LINE_SEARCH else RATES:
            runs[rate] = typical(
                [
                    train(draw, title, rate, epochs, (seed, number))
                    for number, draw in enumerate(draws)
                ]
            )
            bar.advance(note=f"{draws[0].name}: {title}")
    return outcomes


def best_rate(runs: dict[float | None, LinearRun]) -> float | None:
    """Return the rate with the least training loss after the last epoch, the smaller at a tie."""
    return min(runs, key=lambda rate: (runs[rate].loss, rate or 0.0))
