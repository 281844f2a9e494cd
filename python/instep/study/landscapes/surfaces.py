"""Functions of two variables on which optimizers are shown, with gradients and minima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.study.arrays import Doubles


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A function of (x, y), where to start, for how long, and which part of the plane to show.

    `value` and `gradient` take x and y of any one shape. `minima` has a row for each minimum, all
    of the value `lowest`; `view` is the least and largest x, then y.
    """

    name: str
    title: str
    formula: str
    value: Callable[[Doubles, Doubles], Doubles]
    gradient: Callable[[Doubles, Doubles], tuple[Doubles, Doubles]]
    minima: Doubles
    lowest: float
    start: tuple[float, float]
    about_start: str
    steps: int
    view: tuple[float, float, float, float]

    def loss(self, x: Doubles, y: Doubles) -> Doubles:
        """Return how far above its minima the function is; rounding makes nothing negative."""
        above: Doubles = np.maximum(self.value(x, y) - self.lowest, 0.0)
        return above


def rosenbrock(x: Doubles, y: Doubles) -> Doubles:
    """Return (1 − x)² + 100 (y − x²)²."""
    value: Doubles = (1 - x) ** 2 + 100 * (y - x * x) ** 2
    return value


def rosenbrock_gradient(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Return the gradient of `rosenbrock`."""
    return -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)


def beale(x: Doubles, y: Doubles) -> Doubles:
    """Return the sum of (cₖ − x (1 − yᵏ))² over k = 1, 2, 3, with c = 1.5, 2.25, 2.625."""
    value: Doubles = (
        (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2
    )
    return value


def beale_gradient(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Return the gradient of `beale`."""
    first, second, third = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return (
        2 * (first * (y - 1) + second * (y**2 - 1) + third * (y**3 - 1)),
        2 * x * (first + 2 * second * y + 3 * third * y**2),
    )


def himmelblau(x: Doubles, y: Doubles) -> Doubles:
    """Return (x² + y − 11)² + (x + y² − 7)²."""
    value: Doubles = (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2
    return value


def himmelblau_gradient(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Return the gradient of `himmelblau`."""
    first, second = x * x + y - 11, x + y * y - 7
    return 4 * x * first + 2 * second, 2 * first + 4 * y * second


def _himmelblau_minima() -> Doubles:
    # Both squares are 0 where y = 11 − x² and x⁴ − 22x² + x + 114 = (x − 3)(x³ + 3x² − 13x − 38).
    x = np.r_[3.0, np.sort(np.roots([1.0, 3.0, -13.0, -38.0]).real)]
    return np.stack([x, 11 - x * x], axis=1)


def saddle(x: Doubles, y: Doubles) -> Doubles:
    """Return x² − y² + y⁴/4."""
    value: Doubles = x * x - y * y + y**4 / 4
    return value


def saddle_gradient(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Return the gradient of `saddle`."""
    return 2 * x, y**3 - 2 * y


SURFACES = (
    Surface(
        name="rosenbrock",
        title="Rosenbrock's function",
        formula="(1 − x)² + 100 (y − x²)² (Rosenbrock 1960): a bent, narrow valley",
        value=rosenbrock,
        gradient=rosenbrock_gradient,
        minima=np.array([[1.0, 1.0]]),
        lowest=0.0,
        start=(-1.2, 1.0),
        about_start="Rosenbrock's own",
        steps=2000,
        view=(-1.8, 2.0, -0.6, 2.2),
    ),
    Surface(
        name="beale",
        title="Beale's function",
        formula="(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)² (Beale 1958): plains, "
        "steep corners, and a second valley that sinks towards x = −∞, but never below 0.452",
        value=beale,
        gradient=beale_gradient,
        minima=np.array([[3.0, 0.5]]),
        lowest=0.0,
        start=(-1.0, 1.5),
        about_start="chosen between the minimum and the valley to infinity, where paths part",
        steps=1000,
        view=(-8.0, 4.5, -1.2, 2.6),
    ),
    Surface(
        name="himmelblau",
        title="Himmelblau's function",
        formula="(x² + y − 11)² + (x + y² − 7)² (Himmelblau 1972): four minima, all 0",
        value=himmelblau,
        gradient=himmelblau_gradient,
        minima=_himmelblau_minima(),
        lowest=0.0,
        start=(0.0, -1.0),
        about_start="chosen near the maximum between the four minima, where paths part",
        steps=500,
        view=(-5.5, 5.5, -5.0, 5.0),
    ),
    Surface(
        name="saddle",
        title="A saddle",
        formula="x² − y² + y⁴/4: a saddle at (0, 0) between minima of −1 at (0, ±√2)",
        value=saddle,
        gradient=saddle_gradient,
        minima=np.array([[0.0, np.sqrt(2)], [0.0, -np.sqrt(2)]]),
        lowest=-1.0,
        start=(1.5, 1e-6),
        about_start="10⁻⁶ beside the ridge y = 0, on which the gradient leads into the saddle",
        steps=300,
        view=(-1.6, 1.8, -0.6, 2.2),
    ),
)
