"""Classification by linear models: the data, kernels that widen them, and the losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from instep.study.arrays import Doubles
from instep.study.sampling import Indices, train_and_test

Loss: TypeAlias = Callable[[Doubles, Doubles], tuple[float, Doubles]]
"""Takes scores and labels; returns the mean loss and its gradient with respect to the scores."""


@dataclass(frozen=True)
class Examples:
    """Rows of features, with a row of labels each: ±1 in one column, or a 1 among zeros."""

    features: Doubles
    labels: Doubles

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | Indices) -> Examples:
        return Examples(self.features[index], self.labels[index])


@dataclass(frozen=True)
class LinearProblem:
    """Minimise the mean loss of the scores, which are features times weights.

    `margin` is by how much the examples can be separated at least, where that is known.
    """

    name: str
    loss: Loss
    train: Examples
    test: Examples
    margin: float | None = None

    def initial_weights(self) -> Doubles:
        """Return zeros, from which every optimizer starts."""
        return np.zeros((self.train.features.shape[1], self.train.labels.shape[1]))

    def value(self, weights: Doubles, examples: Examples) -> float:
        """Return the mean loss."""
        return self.loss(examples.features @ weights, examples.labels)[0]

    def value_and_gradient(self, weights: Doubles, examples: Examples) -> tuple[float, Doubles]:
        """Return the mean loss and its gradient."""
        value, slopes = self.loss(examples.features @ weights, examples.labels)
        return value, examples.features.T @ slopes

    def relative_margin(self, weights: Doubles) -> float:
        """Return the distance of the closest example to train on from the plane, in margins.

        It is negative where the example lies on the wrong side, and NaN without a margin.
        """
        if self.margin is None:
            return np.nan
        distances = self.train.features @ weights * self.train.labels / np.linalg.norm(weights)
        return float(distances.min() / self.margin)

    def accuracy(self, weights: Doubles) -> float:
        """Return the share of the test examples that is classified correctly."""
        scores, labels = self.test.features @ weights, self.test.labels
        if scores.shape[1] == 1:
            return float(np.mean(scores * labels > 0))
        return float(np.mean(scores.argmax(axis=1) == labels.argmax(axis=1)))


def logistic(scores: Doubles, labels: Doubles) -> tuple[float, Doubles]:
    """Return log(1 + exp(−margin)), where margin is score times label."""
    margins = scores * labels
    slopes = -labels * np.exp(-np.logaddexp(0.0, margins))
    return float(np.logaddexp(0.0, -margins).mean()), slopes / len(labels)


def squared_hinge(scores: Doubles, labels: Doubles) -> tuple[float, Doubles]:
    """Return max(0, 1 − margin)², where margin is score times label."""
    gaps = np.maximum(0.0, 1.0 - scores * labels)
    return float((gaps**2).mean()), -2.0 * labels * gaps / len(labels)


def softmax(scores: Doubles, labels: Doubles) -> tuple[float, Doubles]:
    """Return the cross-entropy of the softmax of the scores."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    value = np.where(labels == 1.0, -logarithms, 0.0).sum(axis=1).mean()
    return float(value), (np.exp(logarithms) - labels) / len(labels)


def problems(generator: np.random.Generator, margins: Sequence[float]) -> list[LinearProblem]:
    """Draw all problems anew."""
    drawn = {margin: separable(margin, generator) for margin in margins}
    return [
        *(
            LinearProblem(f"{title}, τ = {margin:g}", loss, *parts, margin)
            for title, loss in (("logistic", logistic), ("hinge²", squared_hinge))
            for margin, parts in drawn.items()
        ),
        LinearProblem("breast cancer", logistic, *breast_cancer(generator)),
        LinearProblem("digits", softmax, *digits(generator)),
        LinearProblem("breast cancer, kernel", logistic, *with_kernel(*breast_cancer(generator))),
        LinearProblem("even digits, kernel", logistic, *with_kernel(*even_digits(generator))),
    ]


def separable(
    margin: float, generator: np.random.Generator, count: int = 1000, width: int = 20
) -> tuple[Examples, Examples]:
    """Draw Gaussian points and push them off a random plane through 0, by `margin` each."""
    normal = generator.standard_normal((width, 1))
    normal /= np.linalg.norm(normal)
    points = generator.standard_normal((2 * count, width))
    labels = np.where(points @ normal > 0, 1.0, -1.0)
    examples = Examples(points + margin * labels * normal.T, labels)
    return examples[:count], examples[count:]


def breast_cancer(generator: np.random.Generator) -> tuple[Examples, Examples]:
    """Return scikit-learn's breast-cancer data, standardised, with a constant feature."""
    from sklearn.datasets import load_breast_cancer

    features, labels = load_breast_cancer(return_X_y=True)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    return _split(Examples(_with_constant(features), _signs(labels == 1)), generator)


def digits(generator: np.random.Generator) -> tuple[Examples, Examples]:
    """Return scikit-learn's digits, pixels from 0 to 1, with a constant feature, ten classes."""
    from sklearn.datasets import load_digits

    features, labels = load_digits(return_X_y=True)
    return _split(Examples(_with_constant(features / 16.0), np.eye(10)[labels]), generator)


def even_digits(generator: np.random.Generator) -> tuple[Examples, Examples]:
    """Return scikit-learn's digits as even ones against odd ones, 800 of them to train on."""
    train, test = digits(generator)
    features = np.vstack([train.features, test.features])
    digit = np.vstack([train.labels, test.labels]).argmax(axis=1)
    examples = Examples(features, _signs(digit % 2 == 0))
    return examples[:800], examples[800:]


def with_kernel(train: Examples, test: Examples) -> tuple[Examples, Examples]:
    """Replace features by the RBF kernel exp(−‖x − x'‖² / s) with each x' to train on.

    s is the median of the squared distances between different examples to train on.
    """
    between = _squared_distances(train.features, train.features)
    scale = np.median(between[~np.eye(len(train), dtype=bool)])
    to_test = _squared_distances(test.features, train.features)
    return (
        Examples(np.exp(-between / scale), train.labels),
        Examples(np.exp(-to_test / scale), test.labels),
    )


def _squared_distances(left: Doubles, right: Doubles) -> Doubles:
    squares: Doubles = (
        (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2.0 * left @ right.T
    )
    return np.maximum(squares, 0.0)  # rounding can go below


def _signs(positive: NDArray[np.bool_]) -> Doubles:
    return np.where(positive, 1.0, -1.0)[:, None]


def _with_constant(features: Doubles) -> Doubles:
    return np.hstack([features, np.ones((len(features), 1))])


def _split(examples: Examples, generator: np.random.Generator) -> tuple[Examples, Examples]:
    train, test = train_and_test(len(examples), generator)
    return examples[train], examples[test]
