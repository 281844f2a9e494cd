"""The synthetic experiment of Reddi, Kale & Kumar: Adam goes to the worst point of an interval."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import instep
from instep.schedules import InverseSquareRoot
from instep.study.convex.online_linear import Course, chunks, play
from instep.study.report.iterations import Iterations, logarithmic_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from instep.study.arrays import Doubles
    from instep.study.progress import Progress

PERIOD = 101
LARGE, SMALL = 1010.0, -10.0
PROBABILITY = 0.01
RUNS = 9

PERIODIC, STOCHASTIC = "periodic", "stochastic"
GAMES: dict[str, slice[int, int | None, None]] = {PERIODIC: slice(0, 1), STOCHASTIC: slice(1, None)}
"""Which elements of the array play which game."""

# The root mean square of the gradients is 101 in both games; SGD does not divide by it. Adagrad
# decays by itself: its constant rate α acts as α/√t does on the others.
RATES: dict[str, Any] = {
    "1/√t": InverseSquareRoot(1.0),
    "0.1/√t": InverseSquareRoot(0.1),
    "0.002": 0.002,
}
SGD_RATES: dict[str, Any] = {
    "1/√t": InverseSquareRoot(0.01),
    "0.1/√t": InverseSquareRoot(0.001),
    "0.002": 2e-5,
}
ADAGRAD_RATES: dict[str, Any] = {"1/√t": 1.0, "0.1/√t": 0.1}

BETAS = (0.9, 0.99)
ADAM: dict[str, Any] = {"betas": BETAS, "eps": 0.0}


@dataclass(frozen=True)
class Player:
    """An optimizer, its rates, and its other hyperparameters."""

    title: str
    optimizer: Callable[..., instep.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)
    rates: Mapping[str, Any] = field(default_factory=RATES.copy)


PLAYERS = {
    player.title: player
    for player in (
        Player("Adam", instep.Adam, ADAM),
        Player("Adam, uncorrected", instep.Adam, {**ADAM, "bias_correction": False}),
        Player("RMSprop", instep.RMSprop, {"alpha": BETAS[1], "eps": 0.0}),
        Player("AMSGrad", instep.AMSGrad, ADAM),
        Player("Adagrad", instep.Adagrad, {"eps": 0.0}, ADAGRAD_RATES),
        Player("SGD", instep.SGD, {}, SGD_RATES),
    )
}

# Adam with and without bias correction have one curve after the first thousand steps.
DRAWN = [title for title in PLAYERS if title != "Adam, uncorrected"]


@dataclass(frozen=True)
class Result:
    """How one optimizer fared in one game at one rate: a column for each run of the game."""

    title: str
    rate: str
    game: str
    x: Doubles
    regret: Doubles
    final: Doubles


def gradients(seed: int, steps: int) -> Iterator[Doubles]:
    """Yield chunks of gradients: the periodic game's, then those of the stochastic ones."""
    rng = np.random.default_rng(seed)
    for iterations in chunks(steps):
        large = np.empty((len(iterations), 1, 1 + RUNS), bool)
        large[:, 0, 0] = iterations % PERIOD == 1
        large[:, 0, 1:] = rng.random((len(iterations), RUNS)) < PROBABILITY
        yield np.where(large, LARGE, SMALL)


def marks(periods: int) -> Iterations:
    """Return ends of periods, evenly spaced in their logarithm."""
    return logarithmic_marks(periods, 60) * PERIOD


def play_all(seed: int, periods: int, progress: Progress) -> list[Result]:
    """Play both games with all optimizers at all their rates."""
    steps = periods * PERIOD
    bar = progress.bar("convex: the experiment", steps * len(PLAYERS))
    results = []
    for title, player in PLAYERS.items():
        bar.advance(0, title)
        groups = [{**player.options, "lr": rate} for rate in player.rates.values()]
        course = play(
            player.optimizer,
            groups,
            gradients(seed, steps),
            marks(periods),
            start=0.0,
            bar=bar,
        )
        for index, rate in enumerate(player.rates):
            for game, runs in GAMES.items():
                results.append(
                    Result(
                        *(title, rate, game),
                        course.x[:, index, runs],
                        _regret(course, game)[:, index, runs],
                        course.final[index, runs],
                    )
                )
    return results


def _regret(course: Course, game: str) -> Doubles:
    """Return the average regret; where chance plays, against −1 and in expectation over g.

    The sum of random gradients strays so far that the best point in hindsight and its loss would
    hide what the player does: its standard deviation after T steps is about 100 √T.
    """
    if game == PERIODIC:
        return course.regret
    expected = PROBABILITY * LARGE + (1 - PROBABILITY) * SMALL
    return expected * (course.mean + 1)
