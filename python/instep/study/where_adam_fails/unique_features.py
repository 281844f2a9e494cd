r"""Wilson et al.'s data, on which adaptive optimizers fit all examples and learn nothing.

Example i with label y_i = ±1 has the features (y_i, 1, 1), then, in places of its own, one 1 if
y_i = 1 and five if y_i = −1, and 0 elsewhere. The first feature alone tells the label.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import instep
from instep.line_search import ArmijoSGD
from instep.study.report.iterations import logarithmic_marks

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.study.arrays import Doubles
    from instep.study.report.iterations import Iterations

POSITIVE_SHARE = 0.6

ADAPTIVE: dict[str, tuple[type[instep.Optimizer], float]] = {
    "Adam": (instep.Adam, 1e-2),
    "AMSGrad": (instep.AMSGrad, 1e-2),
    "RMSprop": (instep.RMSprop, 1e-2),
    "Adagrad": (instep.Adagrad, 1e-1),
    "AdaBelief": (instep.AdaBelief, 1e-2),
    "Lion": (instep.Lion, 2.0**-10),
}
"""The optimizers of the theorem and two of which it holds as well, with their rates here."""

SGD_RATE = 0.1


class Fit(NamedTuple):
    """Training loss and scores of new examples of both classes, before each step and at the end."""

    title: str
    gradients: str
    losses: Doubles
    positive_scores: Doubles
    negative_scores: Doubles

    @property
    def shown(self) -> Iterations:
        """Which of the values are drawn and stored."""
        return logarithmic_marks(len(self.losses), rounding=np.floor) - 1

    @property
    def accuracy(self) -> float:
        """The share of new examples, drawn like those to train on, that is classified correctly.

        All new examples of a class have the same score, since nothing is known of their own
        features.
        """
        return POSITIVE_SHARE * bool(self.positive_scores[-1] > 0) + (1.0 - POSITIVE_SHARE) * bool(
            self.negative_scores[-1] < 0
        )


def draw_labels(count: int, generator: np.random.Generator) -> Doubles:
    """Return labels in random order, 60 of 100 positive."""
    positive = np.arange(count) < round(POSITIVE_SHARE * count)
    return generator.permutation(np.where(positive, 1.0, -1.0))


def features(labels: Doubles) -> Doubles:
    """Return the matrix whose rows are the examples."""
    own = np.where(labels > 0, 1, 5)
    ends = 3 + np.cumsum(own)
    matrix = np.zeros((len(labels), ends[-1]))
    matrix[:, 0] = labels
    matrix[:, 1:3] = 1.0
    for row, end, width in zip(matrix, ends, own, strict=True):
        row[end - width : end] = 1.0
    return matrix


def mean_square(rows: Doubles, labels: Doubles, weights: Doubles) -> float:
    """Return half the mean squared error of rows times weights."""
    return 0.5 * float(np.mean((rows @ weights - labels) ** 2))


def fit(
    title: str,
    optimizer: instep.Optimizer | ArmijoSGD,
    weights: Doubles,
    labels: Doubles,
    steps: int,
    generator: np.random.Generator | None = None,
) -> Fit:
    """Step by the gradients of all examples or, with a generator, of a random one each."""
    matrix = features(labels)
    everything = slice(None)
    records = []

    def record() -> None:
        both = weights[1] + weights[2]
        loss = mean_square(matrix, labels, weights)
        records.append((loss, both + weights[0], both - weights[0]))

    record()
    for _ in range(steps):
        chosen = everything if generator is None else generator.integers(len(labels), size=1)
        rows, targets = matrix[chosen], labels[chosen]
        gradient = rows.T @ (rows @ weights - targets) / len(targets)
        if isinstance(optimizer, ArmijoSGD):
            optimizer.step(partial(mean_square, rows, targets, weights), gradient)
        else:
            optimizer.step(gradient)
        record()
    return Fit(title, "all" if generator is None else "single", *np.array(records).T)


def without_eps(kind: type[instep.Optimizer]) -> dict[str, Any]:
    """Return the option that leaves out ε, where there is one."""
    return {"eps": 0.0} if "eps" in kind._rule.options else {}


def fit_all(labels: Doubles, steps: int, seed: int) -> list[Fit]:
    """Fit by each optimizer, first by gradients of all examples, then by those of single ones."""
    width = features(labels).shape[1]
    fits = []
    for single in (False, True):
        # The lemma has no ε; without one, single examples would divide 0 by 0.
        optimizers: dict[str, Callable[[Doubles], instep.Optimizer | ArmijoSGD]] = {
            title: partial(kind, lr=rate, **({} if single else without_eps(kind)))
            for title, (kind, rate) in ADAPTIVE.items()
        }
        optimizers["SGD"] = partial(instep.SGD, lr=SGD_RATE)
        optimizers["SGD, line search"] = partial(
            ArmijoSGD, batch_fraction=1 / len(labels) if single else 1.0
        )
        for title, make in optimizers.items():
            weights = np.zeros(width)
            generator = np.random.default_rng(seed) if single else None
            fits.append(fit(title, make(weights), weights, labels, steps, generator))
    return fits
