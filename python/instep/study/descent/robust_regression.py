"""A regression that ignores outliers, which makes it non-convex, and the gradients it leaves.

Minimised is f(w) = mean ρ(xᵢᵀw − yᵢ) with Geman and McClure's ρ(r) = ½ r² / (1 + (r/3)²). Every run
is a row of the weights, so that one optimizer steps all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import instep
    from instep.study.arrays import Doubles
    from instep.study.sampling import Indices

SCALE = 3.0
"""Residuals beyond it count ever less."""


@dataclass(frozen=True)
class RobustRegression:
    """The examples: rows of `features`, and their `targets`."""

    features: Doubles
    targets: Doubles

    def value(self, weights: Doubles) -> Doubles:
        """Return f for each row of `weights`."""
        squares = (weights @ self.features.T - self.targets) ** 2
        values: Doubles = np.mean(0.5 * squares / (1.0 + squares / SCALE**2), axis=1)
        return values

    def full_gradients(self, weights: Doubles) -> Doubles:
        """Return the gradient of f for each row of `weights`."""
        slopes = _slope(weights @ self.features.T - self.targets)
        return slopes @ self.features / len(self.targets)

    def gradients(self, weights: Doubles, examples: Indices) -> Doubles:
        """Return the gradient of one example for each row of `weights`."""
        chosen = self.features[examples]
        residuals = np.sum(chosen * weights, axis=1) - self.targets[examples]
        return _slope(residuals)[:, None] * chosen


def _slope(residuals: Doubles) -> Doubles:
    return residuals / (1.0 + (residuals / SCALE) ** 2) ** 2


def draw(generator: np.random.Generator, count: int = 300, width: int = 10) -> RobustRegression:
    """Draw Gaussian examples and targets, three of ten of which are off by ±10."""
    features = generator.standard_normal((count, width))
    outliers = 10.0 * generator.choice((-1.0, 0.0, 1.0), count, p=(0.15, 0.7, 0.15))
    noise = 0.5 * generator.standard_normal(count)
    return RobustRegression(features, features @ np.ones(width) + noise + outliers)


def squared_gradient_norms(
    problem: RobustRegression,
    make: Callable[[Doubles], instep.Optimizer],
    starts: Doubles,
    steps: int,
    generator: np.random.Generator,
) -> Doubles:
    """Step by gradients of single examples; return ‖∇f‖² before each step, mean over the runs."""
    weights = starts.copy()
    optimizer = make(weights)
    norms = np.empty(steps)
    examples = generator.integers(len(problem.targets), size=(steps, len(weights)))
    for step in range(steps):
        norms[step] = np.sum(problem.full_gradients(weights) ** 2) / len(weights)
        optimizer.step(problem.gradients(weights, examples[step]))
    return norms
