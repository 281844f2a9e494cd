"""Problems whose examples are bags of words: each example touches few of the features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instep.study.sampling import train_and_test

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from instep.study.arrays import Doubles

Words: TypeAlias = NDArray[np.int64]

VOCABULARY, LENGTH = 2000, 20
FREQUENT = 100
BRIGHTNESSES = 17
BINS = 12
"""Of words of about equal frequency."""


@dataclass(frozen=True)
class Bags:
    """Examples: the words of each (a word may come more than once), and its labels, 0 or 1."""

    words: Words
    labels: Doubles

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class SparseProblem:
    """A stream of examples, others that are held out, and what is known of the solution.

    `occurrences` is how often each word is expected in the stream; `weights` are the true ones.
    """

    title: str
    vocabulary: int
    stream: Bags
    held_out: Bags
    occurrences: Doubles | None = None
    weights: Doubles | None = None


def _signs(rng: np.random.Generator) -> Doubles:
    return rng.choice([-1.0, 1.0], VOCABULARY)


def _rare(rng: np.random.Generator) -> Doubles:
    return np.where(np.arange(VOCABULARY) < FREQUENT, 0.0, 3.0 * _signs(rng))


def _all(rng: np.random.Generator) -> Doubles:
    return _signs(rng)


def _frequent(rng: np.random.Generator) -> Doubles:
    return np.where(np.arange(VOCABULARY) < FREQUENT, _signs(rng), 0.0)


WEIGHTS: Mapping[str, Callable[[np.random.Generator], Doubles]] = {
    "rare words tell": _rare,
    "all words tell": _all,
    "frequent words tell": _frequent,
}
"""True weights: of the words beyond the 100 most frequent, of all, of the 100 most frequent."""


def power_law(title: str, rng: np.random.Generator, examples: int, held_out: int) -> SparseProblem:
    """Draw documents of words whose frequency falls as 1/rank, with labels by logistic regression.

    The label of words w₁ … wₙ is 1 with probability σ(θ[w₁] + … + θ[wₙ]).
    """
    frequency = 1 / np.arange(1, VOCABULARY + 1)
    frequency /= frequency.sum()
    weights = WEIGHTS[title](rng)

    def draw(count: int) -> Bags:
        words = rng.choice(VOCABULARY, (count, LENGTH), p=frequency)
        chance = sigmoid(weights[words].sum(axis=1))
        return Bags(words, (rng.random(count) < chance).astype(np.float64)[:, None])

    stream = draw(examples)
    occurrences = examples * LENGTH * frequency
    return SparseProblem(title, VOCABULARY, stream, draw(held_out), occurrences, weights)


def digits(rng: np.random.Generator) -> SparseProblem:
    """Return scikit-learn's digits as bags: 64 words each, for a pixel and its brightness.

    The labels are ten, one for each digit. A fifth is held out; the others are the stream.
    """
    from sklearn.datasets import load_digits

    images, numbers = load_digits(return_X_y=True)
    pixels = images.shape[1]
    words = BRIGHTNESSES * np.arange(pixels) + images.astype(np.int64)
    labels = np.eye(10)[numbers]
    stream, held_out = train_and_test(len(words), rng)
    return SparseProblem(
        "digits as words",
        BRIGHTNESSES * pixels,
        Bags(words[stream], labels[stream]),
        Bags(words[held_out], labels[held_out]),
    )


def sigmoid(z: Doubles) -> Doubles:
    """Return 1/(1 + exp(−z)), without overflow."""
    return 0.5 + 0.5 * np.tanh(z / 2)


def log_loss(z: Doubles, labels: Doubles) -> Doubles:
    """Return −log of the probability of the labels, summed over the last axis.

    >>> log_loss(np.array([0.0, 0.0]), np.array([1.0, 0.0])) / np.log(2)
    np.float64(2.0)
    """
    return np.asarray((np.logaddexp(0, z) - labels * z).sum(axis=-1))


def bayes_loss(problem: SparseProblem) -> float:
    """Return the held-out loss of the true weights."""
    assert problem.weights is not None
    z = problem.weights[problem.held_out.words].sum(axis=1, keepdims=True)
    return float(np.mean(log_loss(z, problem.held_out.labels)))


def errors_by_occurrences(problem: SparseProblem, table: Doubles) -> tuple[Doubles, Doubles]:
    """Return the root mean square error of the weights, for words of about equal frequency.

    The first array is the geometric mean of the expected occurrences in each bin; bins are equally
    wide in their logarithm, and those without a word are left out.
    """
    assert problem.occurrences is not None
    assert problem.weights is not None
    logarithm = np.log(problem.occurrences)
    edges = np.linspace(logarithm.min(), logarithm.max(), BINS + 1)
    place = np.clip(np.searchsorted(edges, logarithm, side="right") - 1, 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    full = count > 0
    squares = np.bincount(place, (table[:, 0] - problem.weights) ** 2, minlength=BINS)
    middles = np.bincount(place, logarithm, minlength=BINS)
    return np.exp(middles[full] / count[full]), np.sqrt(squares[full] / count[full])
