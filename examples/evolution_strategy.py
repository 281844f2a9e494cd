"""An evolution strategy: a network learns to balance a pole without any gradient of it.

A cart on a track carries a pole that is about to fall; every 0.02 s it is pushed to the left or to
the right by a network with 8 hidden units. Whether the pole stands says nothing of how to change a
weight. So each generation tries the network with noise on its weights, and the noise of those that
balanced longer, weighted by rank, makes the gradient of the mean of the weights, which
`instep.Adam` steps in place: the evolution strategy of Salimans et al. ("Evolution Strategies as a
Scalable Alternative to Reinforcement Learning", arXiv:1703.03864), with antithetic pairs.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import instep

Array = NDArray[np.float64]

LONGEST = 500
HIDDEN = 8


class EvolutionStrategy:
    """Moves the mean of candidates to where an objective is larger.

    Parameters
    ----------
    mean : ndarray
        One axis; `step` writes into this array.
    lr : float or callable
        Adam's learning rate.
    sigma : float
        Standard deviation of the candidates around the mean.
    pairs : int
        How many candidates a generation has on each side of the mean.
    seed : int
        Of the noise.
    """

    def __init__(
        self,
        mean: Array,
        lr: float | Callable[[int], float],
        *,
        sigma: float,
        pairs: int,
        seed: int = 0,
    ) -> None:
        self.mean = mean
        self.optimizer = instep.Adam(mean, lr=lr, maximize=True)
        self.sigma = sigma
        self.pairs = pairs
        self.rng = np.random.default_rng(seed)

    def step(self, objective: Callable[[Array], NDArray[Any]]) -> float:
        """Take one step, and return the mean of what the candidates reached.

        `objective` is given all candidates, one a row, and returns a number for each.
        """
        noise = self.rng.standard_normal((self.pairs, self.mean.size))
        away = self.sigma * noise
        scores = objective(np.concatenate([self.mean + away, self.mean - away]))
        forth, back = np.split(ranked(scores), 2)
        self.optimizer.step((forth - back) @ noise / (2 * self.pairs * self.sigma))
        return float(np.mean(scores))


def ranked(scores: NDArray[Any]) -> Array:
    """Return numbers from -1/2 for the lowest score to 1/2 for the highest, the same for ties."""
    _, place, ties = np.unique(scores, return_inverse=True, return_counts=True)
    ranks: Array = np.cumsum(ties) - (ties + 1) / 2  # from 0; the mean of those that ties share
    return ranks[place] / (len(scores) - 1) - 0.5


def layers(weights: Array) -> tuple[Array, Array, Array]:
    """Return the layers of networks as views of their weights, which lie along the last axis."""
    of = weights.shape[:-1]
    hidden, bias, output = np.split(weights, [4 * HIDDEN, 5 * HIDDEN], axis=-1)
    return hidden.reshape(*of, 4, HIDDEN), bias, output


def steps_balanced(weights: Array, starts: Array) -> NDArray[np.int_]:
    """Return for how many steps networks, one a row of `weights`, balance from starts, one a row.

    One network is tried from all starts, and all networks from one start.
    """
    hidden, bias, output = layers(weights)
    trials = max(len(weights), len(starts))
    x, speed, angle, turn = np.broadcast_to(starts, (trials, 4)).T
    steps = np.zeros(trials, int)
    balanced = np.ones(trials, bool)
    for _ in range(LONGEST):
        seen = np.stack([x, speed, angle, turn], axis=-1)
        units = np.tanh((seen[:, None, :] @ hidden)[:, 0, :] + bias)
        force = np.where((units * output).sum(axis=-1) > 0, 10.0, -10.0)
        # A cart of 1 kg, a pole of 0.1 kg and 1 m, no friction (Barto, Sutton, Anderson 1983).
        push = (force + 0.05 * turn**2 * np.sin(angle)) / 1.1
        fall = (9.8 * np.sin(angle) - np.cos(angle) * push) / (
            0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1)
        )
        x, speed = x + 0.02 * speed, speed + 0.02 * (push - 0.05 * fall * np.cos(angle) / 1.1)
        angle, turn = angle + 0.02 * turn, turn + 0.02 * fall
        balanced &= (np.abs(x) < 2.4) & (np.abs(angle) < np.radians(12))
        if not balanced.any():
            break
        steps += balanced
    return steps


def main(generations: int = 60) -> float:
    """Train, print how it goes, and return for how many steps the mean balances unseen starts."""
    rng = np.random.default_rng(1)
    # Not zeros: with weights w and -w this network does the same, so no pair would move its mean.
    mean = 0.5 * rng.standard_normal(6 * HIDDEN)
    strategy = EvolutionStrategy(mean, lr=0.1, sigma=0.3, pairs=32)
    unseen = rng.uniform(-0.05, 0.05, (100, 4))
    for generation in range(1, generations + 1):
        start = rng.uniform(-0.05, 0.05, 4)  # the same for all candidates
        population = strategy.step(partial(steps_balanced, starts=start[None]))
        if generation % 10 == 0:
            reached = float(np.mean(steps_balanced(mean[None], unseen)))
            print(
                f"generation {generation}: {population:.0f} steps in the population, "
                f"{reached:.0f} by the mean"
            )
    return reached


if __name__ == "__main__":
    main()
