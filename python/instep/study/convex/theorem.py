"""Theorem 1 of Reddi, Kale & Kumar: Adam returns to the worst point for ever."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

import instep
from instep.schedules import InverseSquareRoot
from instep.study.convex.online_linear import (
    Course,
    chunks,
    play,
)
from instep.study.report.findings import Curves, Findings, Picture
from instep.study.report.iterations import Iterations, logarithmic_marks
from instep.study.report.styles import style
from instep.study.report.words import markdown_table, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from instep.study.arrays import Doubles
    from instep.study.progress import Bar, Progress

SLOPES = (2.1, 3.0, 10.0)
DRAWN = 3.0
# Adam with a long memory lies under Adagrad; a wider line shows on both sides of it.
WIDTHS = {"Adam, uncorrected": 2.5, "Adam, β₂ = 0.999": 5.0}


def gradients(slopes: Sequence[float], steps: int) -> Iterator[Doubles]:
    """Yield chunks of gradients, one group of one game for each slope C."""
    for iterations in chunks(steps):
        first = (iterations % 3 == 1)[:, None, None]
        yield np.where(first, np.array(slopes)[None, :, None], -1.0)


def beta2(slope: float) -> float:
    """Return the theorem's second decay rate, 1/(1 + C²)."""
    return 1 / (1 + slope**2)


def alpha(slope: float) -> float:
    """Return nine tenths of the largest rate that the theorem allows, √(1 − β₂)."""
    return 0.9 * math.sqrt(1 - beta2(slope))


def players(slope: float) -> dict[str, tuple[type[instep.Optimizer], dict[str, Any]]]:
    """Return who plays, with hyperparameters."""
    rate = InverseSquareRoot(alpha(slope))
    adam = {"lr": rate, "betas": (0.0, beta2(slope)), "eps": 0.0}
    long = {**adam, "betas": (0.0, 0.999)}
    return {
        "Adam, uncorrected": (instep.Adam, {**adam, "bias_correction": False}),
        "Adam": (instep.Adam, adam),
        "Adam, β₂ = 0.999": (instep.Adam, long),
        "AMSGrad": (instep.AMSGrad, adam),
        "Adagrad": (instep.Adagrad, {"lr": alpha(slope), "eps": 0.0}),
        "SGD": (instep.SGD, {"lr": rate}),
    }


def play_all(slopes: Sequence[float], steps: int, bar: Bar) -> dict[str, Course]:
    """Play from 1, the theorem's start, and keep every iteration."""
    marks = np.arange(1, steps + 1)
    courses = {}
    for title, (optimizer, _) in players(slopes[0]).items():
        groups = [players(slope)[title][1] for slope in slopes]
        courses[title] = play(
            optimizer, groups, gradients(slopes, steps), marks, start=1.0, bar=bar
        )
    return courses


def run(progress: Progress, *, quick: bool) -> Findings:
    """Play the theorem's sequence."""
    steps = 3_000 if quick else 300_000
    bar = progress.bar("convex: theorem 1", steps * len(players(DRAWN)))
    courses = play_all(SLOPES, steps, bar)
    curves = Curves("theorem", "optimizer", "C", "iteration", "x", "average regret")
    marks = logarithmic_marks(steps, 300)
    for title, course in courses.items():
        for index, slope in enumerate(SLOPES):
            values = course.x[marks - 1, index, 0], course.regret[marks - 1, index, 0]
            curves.add(title, slope, marks, *values)
    return Findings(_text(courses, steps), [_draw(courses, marks)], [curves])


def _draw(courses: Mapping[str, Course], marks: Iterations) -> Picture:
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    points, regrets = figure.subplots(1, 2)
    index = SLOPES.index(DRAWN)
    for title, course in courses.items():
        if title == "Adam":
            continue  # under the uncorrected one's curve
        look = style(title)
        x = course.x[:, index, 0]
        triples = x[: len(x) // 3 * 3].reshape(-1, 3)
        thin = logarithmic_marks(len(triples), 300) - 1
        low, high = triples.min(axis=1)[thin], triples.max(axis=1)[thin]
        at = 3 * thin + 2
        if title == "Adam, uncorrected":
            points.fill_between(at, low, high, color=look["color"], alpha=0.2, linewidth=0)
        look["linewidth"] = WIDTHS.get(title, 1.6)
        points.plot(at, triples[thin, 0], **look)
        regrets.plot(marks, course.regret[marks - 1, index, 0], **look)
    limit = 2 * (DRAWN - 2) / 3
    regrets.axhline(limit, color="0.3", linewidth=1, linestyle="--", zorder=0)
    regrets.text(marks[-1], limit * 1.15, "2 (C − 2) / 3", ha="right", color="0.3")
    points.set(ylabel="$x_t$ (line: t mod 3 = 1; Adam's band: all)", title=f"C = {DRAWN:g}")
    regrets.set(ylabel="average regret, $R_t / t$", yscale="log", title=f"C = {DRAWN:g}")
    for axes in (points, regrets):
        axes.set(xlabel="iteration t", xscale="log")
        axes.grid(alpha=0.3)
        axes.margins(x=0.01)
    regrets.legend(loc="lower left")
    caption = (
        "Adam is back at +1, the worst point, before every large gradient, and its average regret "
        "tends to 2 (C − 2) / 3. The others go to −1, and their average regret falls as 1/√t."
    )
    return Picture("theorem", figure, caption)


def returns(course: Course, index: int) -> tuple[int, int]:
    """Return how often x was exactly 1 where t mod 3 = 1, and of how many times."""
    before = course.x[course.marks % 3 == 1, index, 0]
    return int(np.count_nonzero(before == 1.0)), len(before)


def arrival(course: Course, index: int) -> int | None:
    """Return the iteration from which on x, where t mod 3 = 1, stays at or below −0.9."""
    at = course.marks % 3 == 1
    away = np.flatnonzero(course.x[at, index, 0] > -0.9)
    iterations = course.marks[at]
    if len(away) == 0:
        return int(iterations[0])
    return int(iterations[away[-1] + 1]) if away[-1] + 1 < len(iterations) else None


def _nearly_adagrad(courses: Mapping[str, Course]) -> float:
    return float(np.abs(courses["Adam, β₂ = 0.999"].x - courses["Adagrad"].x).max())


def _text(courses: Mapping[str, Course], steps: int) -> str:
    rows = []
    for index, slope in enumerate(SLOPES):
        for title, course in courses.items():
            times, of = returns(course, index)
            come = arrival(course, index)
            rows.append(
                (
                    *(title, f"{slope:g}", signed(course.final[index, 0], 4)),
                    f"{times:,} of {of:,}",
                    "never" if come is None else f"{come:,}",
                    *(f"{course.regret[-1, index, 0]:.4f}", f"{2 * (slope - 2) / 3:.4f}"),
                )
            )
    heads = ("optimizer", "C", "x", "x = 1 at t mod 3 = 1", "below −0.9 from", "R_T/T")
    table = markdown_table((*heads, "2 (C − 2) / 3"), rows)
    held = [
        f"{title}: {'at every one' if all(t == of for t, of in counts) else 'not at all'} of them"
        for title in ("Adam, uncorrected", "Adam")
        if (counts := [returns(courses[title], index) for index in range(len(SLOPES))])
    ]
    return f"""\
### Theorem 1

f_t(x) = C x where t mod 3 = 1, else −x, with C > 2; β₁ = 0, β₂ = 1/(1 + C²), α_t = α/√t with
α = 0.9 √(1 − β₂) (the theorem asks for less than √(1 − β₂)), from x₁ = 1, projected on [−1, 1]. The
theorem has neither bias correction nor ε: `bias_correction=False` and ε = 0, which the first
gradient, not 0, allows. It says that Adam stands at exactly 1 whenever the large gradient comes.
Three iterations then cost C from x = 1, and at least −2 from the two others; x = −1 costs 2 − C; so
the regret of three iterations is at least 2 C − 4, and tends to it as the steps shrink. After
{steps:,} iterations:

{table}

Exactly 1 (compared as numbers, not within a tolerance) where t mod 3 = 1: {"; ".join(held)}. The
same rule with a long memory, β₂ = 0.999, is none that the theorem speaks of: without β₁, and with
bias correction, it divides by about the root of the mean squared gradient, so with α/√t it is
nearly Adagrad (largest distance between their x: {_nearly_adagrad(courses):.1g}).
(Curves in the CSV file: {len(logarithmic_marks(steps, 300))} iterations evenly spaced in log t.)"""
