"""Weights that are exactly 0: FTRL's, by L1, and Adagrad's, where its smallest are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import instep
from instep.study.sparse.learning import learn_stream, mean_loss

if TYPE_CHECKING:
    from instep.study.arrays import Doubles
    from instep.study.progress import Bar
    from instep.study.sparse.bags_of_words import SparseProblem
    from instep.study.sparse.learning import SparseRun

STRENGTHS = (0.0, *(2.0**exponent for exponent in range(-2, 6)))
"""Of L1. With 0, FTRL is Adagrad in other words."""

HELD_OUT_COST = 1.02
"""A held-out loss up to so many times the one without L1 costs nearly nothing."""


@dataclass(frozen=True)
class Sparsity:
    """What FTRL learned at Adagrad's best rate, an element for each of `STRENGTHS`.

    `kept` counts the weights that are not 0, `telling` those of them that are known not to be;
    `cut` is the held-out loss of Adagrad's weights where only as many, the largest, are left.
    `from_adagrad` is the largest distance between the weights of both without L1.
    """

    adagrad: SparseRun
    kept: list[int]
    telling: list[int]
    online: Doubles
    held_out: Doubles
    cut: list[float]
    from_adagrad: float

    @property
    def problem(self) -> SparseProblem:
        """What both learned."""
        return self.adagrad.problem

    @property
    def sparsest(self) -> int:
        """Which L1 is the strongest that costs nearly nothing."""
        cheap = self.held_out <= HELD_OUT_COST * self.held_out[0]
        return int(np.flatnonzero(cheap)[-1])


def learn_sparsely(adagrad: SparseRun, bar: Bar) -> Sparsity:
    """Learn what Adagrad learned by FTRL, at Adagrad's best rate and with its sum of squares."""
    problem, rate = adagrad.problem, adagrad.learner.rates[adagrad.best]
    options = {"lr": rate, "initial_accumulator_value": 0.0}
    groups = [{**options, "l1": strength} for strength in STRENGTHS]
    found = learn_stream(problem, instep.FTRL, groups, bar)
    table = adagrad.weights[adagrad.best]
    kept = [int(np.count_nonzero(weights)) for weights in found.weights]
    known = np.zeros(len(table)) if problem.weights is None else problem.weights
    return Sparsity(
        adagrad,
        kept,
        [int(np.count_nonzero(weights[known != 0])) for weights in found.weights],
        found.online,
        found.held_out[:, -1],
        [mean_loss(largest(table, count), problem.held_out) for count in kept],
        float(np.abs(found.weights[0] - table).max()),
    )


def largest(table: Doubles, count: int) -> Doubles:
    """Return a table in which all but the `count` weights of largest magnitude are 0.

    >>> largest(np.array([[3.0, -1.0], [0.5, -2.0]]), 2)
    array([[ 3.,  0.],
           [ 0., -2.]])
    """
    cut = table.copy()
    order = np.argsort(np.abs(table), axis=None, kind="stable")
    cut.flat[order[: table.size - count]] = 0.0
    return cut
