"""Logistic regression on a stream of bags of words, at many learning rates at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import instep
from instep.schedules import InverseSquareRoot
from instep.study.report.iterations import Iterations, logarithmic_marks
from instep.study.sparse.bags_of_words import Bags, SparseProblem, log_loss, sigmoid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from instep.study.arrays import Doubles
    from instep.study.progress import Bar

MARKS = 30


@dataclass(frozen=True)
class Learner:
    """An optimizer and a grid of rates for it, each twice the one before."""

    title: str
    optimizer: Callable[..., instep.Optimizer]
    exponents: range
    schedule: Callable[[float], Any] = float

    @property
    def rates(self) -> list[float]:
        """The grid."""
        return [2.0**exponent for exponent in self.exponents]


LEARNERS = (
    Learner("SGD", instep.SGD, range(-10, 2)),
    Learner("SGD, schedule", instep.SGD, range(-5, 7), InverseSquareRoot),
    Learner("Adagrad", instep.Adagrad, range(-7, 5)),
    Learner("Adam", instep.Adam, range(-12, 0)),
)


class Learned(NamedTuple):
    """What was learned from a stream, in several tables of weights, which are the first axis.

    `online` is the mean loss of each example of the stream before it was learned from; `held_out`
    has the held-out loss at each of `marks`, counts of examples learned from.
    """

    weights: Doubles
    online: Doubles
    marks: Iterations
    held_out: Doubles


@dataclass(frozen=True)
class SparseRun:
    """What one optimizer learned on one problem, as `Learned`, with a table for each rate."""

    problem: SparseProblem
    learner: Learner
    weights: Doubles
    online: Doubles
    marks: Iterations
    held_out: Doubles

    @property
    def best(self) -> int:
        """Which rate has the least online loss: a choice that needs no other examples."""
        return int(np.argmin(self.online))


def row_gradients(weights: Doubles, words: Doubles, labels: Doubles) -> tuple[Doubles, list[Any]]:
    r"""Return the loss of an example and its gradient, for each of several tables of weights.

    With :math:`z` the sum of the rows of its words, the gradient of the row of each word is
    :math:`\sigma(z) - y`; of a word that comes twice, twice that.
    """
    z = weights[:, words].sum(axis=1)
    error = sigmoid(z) - labels
    values = np.broadcast_to(error[:, None, :], (len(weights), len(words), z.shape[1]))
    return log_loss(z, labels), [instep.RowGradient(words, each) for each in values]


def learn(problem: SparseProblem, learner: Learner, bar: Bar) -> SparseRun:
    """Learn at every rate of the grid."""
    groups = [{"lr": learner.schedule(rate)} for rate in learner.rates]
    return SparseRun(problem, learner, *learn_stream(problem, learner.optimizer, groups, bar))


def learn_stream(
    problem: SparseProblem,
    optimizer_class: Callable[..., instep.Optimizer],
    groups: Sequence[Mapping[str, Any]],
    bar: Bar,
) -> Learned:
    """Learn from every example once, in order; one table of weights for each group's options."""
    stream = problem.stream
    weights = np.zeros((len(groups), problem.vocabulary, stream.labels.shape[1]))
    optimizer = optimizer_class(
        [{"params": table, **group} for table, group in zip(weights, groups, strict=True)]
    )
    online = np.zeros(len(groups))
    marks = logarithmic_marks(len(stream), MARKS)
    held_out = []
    following = iter(marks.tolist())
    mark = next(following)
    for count, (words, labels) in enumerate(zip(stream.words, stream.labels, strict=True), 1):
        loss, gradients = row_gradients(weights, words, labels)
        online += loss
        optimizer.step(gradients)
        if count == mark:
            held_out.append([mean_loss(table, problem.held_out) for table in weights])
            mark = next(following, 0)
        if count % 100 == 0:
            bar.advance(100)
    bar.advance(len(stream) % 100)
    return Learned(weights, online / len(stream), marks, np.array(held_out).T)


def mean_loss(table: Doubles, bags: Bags) -> float:
    """Return the mean loss of one table of weights."""
    return float(np.mean(log_loss(scores(table, bags), bags.labels)))


def scores(table: Doubles, bags: Bags) -> Doubles:
    """Return z of each example and label."""
    return np.asarray(table[bags.words].sum(axis=1))


def accuracy(table: Doubles, bags: Bags) -> float:
    """Return the share of the examples whose label, or largest of several, is found."""
    z = scores(table, bags)
    if z.shape[1] == 1:
        return float(np.mean((z > 0) == (bags.labels == 1)))
    return float(np.mean(z.argmax(axis=1) == bags.labels.argmax(axis=1)))
