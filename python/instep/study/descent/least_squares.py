"""One least-squares problem: how SGD's error ends and how fast it falls, exactly and by running it.

Minimised is f(w) = ½ mean (xᵢᵀw − yᵢ)² over n examples, whose minimum is not 0. Every run is a row
of the weights, so that one optimizer steps all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

import instep
from instep.study.report.iterations import logarithmic_marks

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.study.arrays import Doubles
    from instep.study.report.iterations import Iterations
    from instep.study.sampling import Indices


@dataclass(frozen=True)
class LeastSquares:
    """The examples: rows of `features`, and their `targets`."""

    features: Doubles
    targets: Doubles

    @cached_property
    def hessian(self) -> Doubles:
        """The mean of xᵢxᵢᵀ."""
        return self.features.T @ self.features / len(self.features)

    @cached_property
    def minimum(self) -> Doubles:
        """The weights that minimise f."""
        slopes: Doubles = self.features.T @ self.targets / len(self.targets)
        return np.asarray(np.linalg.solve(self.hessian, slopes), np.float64)

    @cached_property
    def noise(self) -> Doubles:
        """The covariance of a single example's gradient at the minimum."""
        gradients = self.features * (self.features @ self.minimum - self.targets)[:, None]
        return gradients.T @ gradients / len(gradients)

    def error(self, weights: Doubles) -> float:
        """Return f(w) − min f, the mean over the rows of `weights`."""
        offsets = weights - self.minimum
        return float(0.5 * np.mean(np.sum(offsets @ self.hessian * offsets, axis=1)))

    def gradients(self, weights: Doubles, examples: Indices) -> Doubles:
        """Return, for each row of `weights`, the mean gradient of its row of `examples`."""
        chosen = self.features[examples]
        residuals = np.matmul(chosen, weights[:, :, None])[:, :, 0] - self.targets[examples]
        mean: Doubles = np.matmul(residuals[:, None, :], chosen)[:, 0, :] / examples.shape[1]
        return mean

    def full_gradients(self, weights: Doubles) -> Doubles:
        """Return the gradient of f for each row of `weights`."""
        return (weights - self.minimum) @ self.hessian

    def floor(self, rate: float, batch_size: int = 1) -> float:
        """Return the expected error that SGD with a constant rate settles at.

        The examples of a batch are drawn independently, so that the covariance Σ of w − w* obeys
        Σ = E[(I − ηA) Σ (I − ηA)] + η² S/b, where A is the Hessian of a batch of b and S the noise.
        """
        width = self.features.shape[1]
        identity, hessian = np.eye(width), self.hessian
        squares = np.einsum("ni,nj,nk,nl->ikjl", *4 * (self.features,), optimize=True)
        squares = squares.reshape(width**2, width**2) / len(self.features)
        both = np.kron(hessian, hessian)
        spread = both + (squares - both) / batch_size
        change = rate * (np.kron(hessian, identity) + np.kron(identity, hessian) - rate * spread)
        covariance = np.linalg.solve(change, rate**2 * self.noise.ravel() / batch_size)
        return float(0.5 * np.sum(hessian * covariance.reshape(width, width)))

    def asymptote(self, c: float) -> float:
        """Return the limit of t times the expected error where the rate is c/t, one example a step.

        It exists for c above 1/(2λ), with λ the smallest eigenvalue of the Hessian.
        """
        values, vectors = np.linalg.eigh(self.hessian)
        noise = vectors.T @ self.noise @ vectors
        covariance = c**2 * np.diag(noise) / (2 * c * values - 1)
        return float(0.5 * np.sum(values * covariance))

    def critical_c(self) -> float:
        """Return 1/(2λ), which c must exceed for an error that falls as 1/t."""
        return float(0.5 / np.linalg.eigvalsh(self.hessian)[0])


def draw(generator: np.random.Generator, count: int = 1000, width: int = 10) -> LeastSquares:
    """Draw Gaussian examples, the Hessian's eigenvalues about 0.1 to 1, and targets with noise."""
    scales = np.sqrt(np.geomspace(0.1, 1.0, width))
    features = generator.standard_normal((count, width)) * scales
    noise = generator.standard_normal(count)
    return LeastSquares(features, features @ np.ones(width) + noise)


def descend(
    problem: LeastSquares,
    rate: float | Callable[[int], float],
    steps: int,
    batch_size: int | None,
    runs: int,
    generator: np.random.Generator,
) -> tuple[Iterations, Doubles]:
    """Run SGD from 0; return numbers of steps, evenly on a logarithmic axis, and mean errors.

    Without a `batch_size`, gradients are those of all examples.
    """
    count, width = problem.features.shape
    weights = np.zeros((runs, width))
    optimizer = instep.SGD(weights, lr=rate)
    measured = logarithmic_marks(steps, 300, rounding=np.floor)
    errors = [problem.error(weights)]
    done = 0
    for end in measured:
        if batch_size is None:
            for _ in range(done, end):
                optimizer.step(problem.full_gradients(weights))
        else:
            for examples in generator.integers(count, size=(end - done, runs, batch_size)):
                optimizer.step(problem.gradients(weights, examples))
        done = end
        errors.append(problem.error(weights))
    return np.insert(measured, 0, 0), np.array(errors)
