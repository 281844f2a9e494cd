"""What is compared in the part on descent, and what a run of it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import instep
from instep.schedules import InverseSquareRoot, SearchThenConverge
from instep.study.report.iterations import logarithmic_marks
from instep.study.report.styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.study.arrays import Doubles
    from instep.study.descent.least_squares import LeastSquares
    from instep.study.report.iterations import Iterations

ORANGE = STYLES["SGD"][0]
RATE = 0.05
ALPHA = 0.1
TIMESCALE = 100_000
"""Of the second form, which searches for about its square root of steps, 316."""


@dataclass(frozen=True)
class Plan:
    """A way to descend: batch size (None: all examples), rate, and how it is drawn.

    `floor` is the error that it is expected to settle at, and `slope` the expected exponent of t.
    """

    title: str
    batch_size: int | None
    rate: float | Callable[[int], float]
    look: tuple[str, str]
    floor: float | None = None
    slope: float | None = None


@dataclass(frozen=True)
class MeasuredDescent:
    """The mean error f(w) − min f of a plan's runs, against steps and gradient evaluations."""

    plan: Plan
    steps: Iterations
    evaluations: Iterations
    errors: Doubles

    @property
    def settled(self) -> float:
        """The mean error over the second half of the steps."""
        late = self.steps >= self.steps[-1] / 2
        return float(np.mean(self.errors[late]))

    @property
    def slope(self) -> float:
        """The exponent of t that fits the last tenfold of steps."""
        return log_log_slope(self.steps, self.errors)


@dataclass(frozen=True)
class Stationarity:
    """The least and the mean of ‖∇f‖² over the first T steps."""

    title: str
    times: Iterations
    least: Doubles
    mean: Doubles

    @classmethod
    def of(cls, title: str, norms: Doubles) -> Stationarity:
        """Thin what each step left, evenly on a logarithmic axis."""
        times = logarithmic_marks(len(norms), first=2, rounding=np.floor)
        least = np.minimum.accumulate(norms)
        mean = np.cumsum(norms) / np.arange(1, len(norms) + 1)
        return cls(title, times, least[times - 1], mean[times - 1])


def log_log_slope(times: Iterations, values: Doubles) -> float:
    """Return the slope of a line through the last tenfold of `times`, both axes logarithmic."""
    late = times >= times[-1] / 10
    return float(np.polyfit(np.log(times[late]), np.log(values[late]), 1)[0])


def bound(times: Iterations) -> Doubles:
    """Return log T / √T."""
    return np.asarray(np.log(times) / np.sqrt(times))


def batch_plan(problem: LeastSquares) -> list[Plan]:
    """Return what is compared by gradient evaluations."""
    steepest = float(1.0 / np.linalg.eigvalsh(problem.hessian)[-1])
    floors = [problem.floor(RATE), problem.floor(RATE / 10), problem.floor(4 * RATE, 16)]
    return [
        Plan(f"batch, η = 1/L = {steepest:.3g}", None, steepest, ("#000000", "-")),
        Plan(f"stochastic, η = {RATE:g}", 1, RATE, (ORANGE, "-"), floors[0]),
        Plan(f"stochastic, η = {RATE / 10:g}", 1, RATE / 10, (ORANGE, "--"), floors[1]),
        Plan(f"mini-batch of 16, η = {4 * RATE:g}", 16, 4 * RATE, ("#7F7F7F", "-"), floors[2]),
    ]


def schedule_plan(problem: LeastSquares) -> list[Plan]:
    """Return what is compared by steps: a constant rate, and rates that fall as c/t."""
    critical = problem.critical_c()
    c = 2 * critical
    first = SearchThenConverge(RATE, timescale=c / RATE)
    second = SearchThenConverge(RATE, timescale=TIMESCALE, c=c)
    slow = SearchThenConverge(RATE, timescale=1000, c=critical / 4)
    return [
        Plan(f"constant η₀ = {RATE:g}", 1, RATE, (ORANGE, "-"), problem.floor(RATE), 0.0),
        Plan("search then converge, first form, η₀τ = 2c*", 1, first, ("#B0B0B0", "-"), None, -1.0),
        Plan("search then converge, second form, c = 2c*", 1, second, ("#000000", "--"), None, -1),
        Plan(
            "search then converge, second form, c = c*/4", 1, slow, ("#555555", "-."), None, -0.25
        ),
    ]


def optimizer_plan() -> dict[str, Callable[[Doubles], instep.Optimizer]]:
    """Return what is compared on the non-convex problem."""
    falling = InverseSquareRoot(ALPHA)
    return {
        "AMSGrad": partial(instep.AMSGrad, lr=falling),
        "AMSGrad, constant rate": partial(instep.AMSGrad, lr=ALPHA / 10),
        "Adam": partial(instep.Adam, lr=falling),
        "SGD": partial(instep.SGD, lr=InverseSquareRoot(3 * ALPHA)),
    }
