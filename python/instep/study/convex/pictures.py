"""Pictures of the experiment, of the effective rates and of theorem 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from instep.study.convex import schedules, theorem
from instep.study.convex.effective_rates import BETA2, SHOWN, by_period, middles
from instep.study.convex.experiment import DRAWN, GAMES, PERIOD, PERIODIC, RATES, RUNS, STOCHASTIC
from instep.study.report.findings import Picture
from instep.study.report.legends import legend_below
from instep.study.report.styles import style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from instep.study.arrays import Doubles
    from instep.study.convex.experiment import Result
    from instep.study.convex.online_linear import Course
    from instep.study.convex.schedules import Trainings
    from instep.study.report.iterations import Iterations

# RMSprop lies on Adam's curve for the most part, and Adam with a long memory under Adagrad's; a
# wider line shows on both sides of the other.
WIDTHS = {"Adam": 3.5, "Adam, uncorrected": 2.5, "Adam, β₂ = 0.999": 5.0}
WORST = {PERIODIC: 20 / PERIOD, STOCHASTIC: 0.4}
"""The average regret of staying at +1."""

SLOPE = 3.0
"""The C that is drawn."""


def draw_games(results: Sequence[Result], at: Iterations) -> Picture:
    """Draw points played and average regrets, a column for each game."""
    figure = Figure(figsize=(8.5, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey="row")
    for (points, regrets), game in zip(panels.T, GAMES, strict=True):
        for result in results:
            if (result.game, result.rate) != (game, "1/√t") or result.title not in DRAWN:
                continue
            _line(points, at, result.x, result.title)
            _line(regrets, at, result.regret, result.title)
            if game == STOCHASTIC and result.title in ("Adam", "AMSGrad"):
                band = result.x.min(axis=1), result.x.max(axis=1)
                colour = style(result.title)["color"]
                points.fill_between(at, *band, color=colour, alpha=0.2, linewidth=0)
        regrets.axhline(WORST[game], color="0.3", linewidth=1, linestyle="--", zorder=0)
        regrets.text(
            *(0.1, WORST[game] * 1.1, "staying at +1"),
            transform=regrets.get_yaxis_transform(),
            color="0.3",
        )
        regrets.set(xlabel="iteration t", xscale="log", ylim=(0.04, 10))
        # Below 0 in the first period, before the large gradient that ends it.
        regrets.set_yscale("log", nonpositive="mask")
    panels[0, 0].set(title="Every 101st gradient is large", ylabel="point played, $x_t$")
    panels[0, 1].set_title(f"Large with probability 0.01: median of {RUNS} runs")
    panels[1, 0].set_ylabel("average regret, $R_t / t$")
    for axes in panels.flat:
        axes.grid(alpha=0.3)
        axes.margins(x=0.01)
    legend_below(figure, panels[0, 0])
    caption = (
        "The best point is −1. Left: Adam and RMSprop go to +1, the worst, and their average "
        "regret stays up; AMSGrad, Adagrad and SGD go towards −1. Right: the same with chance "
        "(bands: range of Adam's and AMSGrad's runs). Learning rate 1/√t (SGD: 0.01/√t; Adagrad: "
        "1); points at the ends of periods of 101 iterations."
    )
    return Picture("experiment", figure, caption)


def draw_learning_rates(results: Sequence[Result], at: Iterations) -> Picture:
    """Draw the points of the periodic game, a panel for each rate."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    panels = figure.subplots(1, len(RATES), sharey=True)
    for rate, axes in zip(RATES, panels, strict=True):
        for result in results:
            if (result.game, result.rate) == (PERIODIC, rate) and result.title in DRAWN:
                _line(axes, at, result.x, result.title)
        axes.set(xscale="log", xlabel="iteration t", title=f"Learning rate {rate}")
        axes.grid(alpha=0.3)
        axes.margins(x=0.01)
    panels[0].set_ylabel("point played, $x_t$ (best: −1)")
    legend_below(figure, panels[0])
    caption = (
        "The periodic game at three learning rates (SGD: a hundredth of them; Adagrad: 1 and 0.1), "
        "at the ends of periods. The rate decides when x arrives, not at which end: RMSprop, which "
        "the first large gradient throws to −1 where its rate is 0.1/√t, climbs all the same."
    )
    return Picture("learning-rates", figure, caption)


def _line(axes: Axes, at: Iterations, values: Doubles, title: str) -> None:
    look = {**style(title), "linewidth": WIDTHS.get(title, 1.6)}
    axes.plot(at, np.median(values, axis=1), **look)


def draw_effective_rates(rates: Mapping[str, Doubles]) -> Picture:
    """Draw the rates of four periods, and of all periods their mean and span."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    near, far = figure.subplots(1, 2)
    for title, rate in rates.items():
        look = style(title)
        near.plot(np.arange(len(rate))[SHOWN] + 1, rate[SHOWN], **look, linewidth=2)
        periods = by_period(rate)
        low, high = periods.min(axis=1), periods.max(axis=1)
        at = middles(len(periods))
        far.fill_between(at, low, high, color=look["color"], alpha=0.35, linewidth=0)
        far.plot(at, periods.mean(axis=1), **look, linewidth=1.5)
    for start in range(SHOWN.start, SHOWN.stop, PERIOD):
        near.axvline(start + 1, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    near.set(xlabel="iteration (dotted: gradient 1010)", title="Four periods", ylim=(0, None))
    near.set_ylabel("effective rate $\\alpha_t / \\sqrt{v_t}$, with α = 1")
    far.set(xlabel="iteration", xscale="log", yscale="log", title="In the long run, by period")
    for axes in (near, far):
        axes.grid(alpha=0.3)
    far.legend(title="line: mean; band: from lowest to highest", alignment="left")
    caption = (
        "Adam forgets the large gradient and lets its rate grow until the next one comes; "
        "AMSGrad's √v̂ remembers the largest second moment, so its rate can only fall, with 1/√t."
    )
    return Picture("effective-rates", figure, caption)


def draw_drifts(forget: Doubles, drifts: Mapping[str, Sequence[float]]) -> Picture:
    """Draw how far x moves in a period, against how much of the past is forgotten at a step."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for title, values in drifts.items():
        axes.plot(forget, values, **style(title), linewidth=2)
    axes.axhline(0, color="0.3", linewidth=1)
    axes.axhspan(0, 200, color="0.93", zorder=0)
    axes.text(0.012, 0.95, "towards the worst point", transform=axes.transAxes, va="top")
    axes.text(0.012, 0.03, "towards the best point", transform=axes.transAxes)
    axes.axvline(1 - BETA2, color="0.4", linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("asinh", linear_width=0.05)
    axes.set_yticks(
        (-1, -0.1, 0, 0.1, 1, 10, 100), ("−1", "−0.1", "0", "+0.1", "+1", "+10", "+100")
    )
    axes.set(xlabel="1 − β₂ (left: a long memory)", ylim=(-2, 200))
    axes.set_ylabel("drift of x in a period of 101, in α")
    axes.grid(alpha=0.3)
    axes.legend(loc="center right")
    caption = (
        "How far x moves in a period of the online problem, in learning rates: Adam goes the right "
        "way only with a memory far longer than the period. Dotted: the paper's β₂ = 0.99."
    )
    return Picture("memory", figure, caption)


def draw_theorem(courses: Mapping[str, Course], marks: Iterations) -> Picture:
    """Draw points played and average regrets on the sequence with C = 3."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    points, regrets = figure.subplots(1, 2)
    index = theorem.SLOPES.index(SLOPE)
    for title, course in courses.items():
        if title == "Adam":
            continue  # under the uncorrected one's curve
        look = style(title)
        x = course.x[:, index, 0]
        triples = x[: len(x) // 3 * 3].reshape(-1, 3)
        thin = theorem.marks(len(triples)) - 1
        low, high = triples.min(axis=1)[thin], triples.max(axis=1)[thin]
        at = 3 * thin + 2
        if title == "Adam, uncorrected":
            points.fill_between(at, low, high, color=look["color"], alpha=0.2, linewidth=0)
        look["linewidth"] = WIDTHS.get(title, 1.6)
        points.plot(at, triples[thin, 0], **look)
        regrets.plot(marks, course.regret[marks - 1, index, 0], **look)
    limit = 2 * (SLOPE - 2) / 3
    regrets.axhline(limit, color="0.3", linewidth=1, linestyle="--", zorder=0)
    regrets.text(marks[-1], limit * 1.15, "2 (C − 2) / 3", ha="right", color="0.3")
    points.set(ylabel="$x_t$ (line: t mod 3 = 1; Adam's band: all)", title=f"C = {SLOPE:g}")
    regrets.set(ylabel="average regret, $R_t / t$", yscale="log", title=f"C = {SLOPE:g}")
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


def draw_schedules(trainings: Trainings) -> Picture:
    """Draw losses on the way, each at its best rate, and at the end against the rate."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    way, ends = figure.subplots(1, 2)
    steps = next(iter(next(iter(trainings.values()))))
    for title, by_length in trainings.items():
        look = {**style(title), "linewidth": 2.8 if title.startswith("ScheduleFree") else 1.6}
        whole = by_length[steps]
        way.plot(whole.marks, whole.losses[whole.best], **look)
        ends.plot(schedules.RATES, whole.losses[:, -1], **look, marker="o", ms=3)
        shorter = [length for length in by_length if length != steps]
        least = [by_length[length].losses[:, -1].min() for length in shorter]
        way.plot(shorter, least, "o", color=look["color"], ms=6, mec="white", zorder=4)
    everything = np.array([by_length[steps].losses for by_length in trainings.values()])
    lowest, highest = 0.7 * everything.min(), 2 * everything[:, :, 0].min()
    way.set(ylabel="loss above the least", title="Each at its best rate")
    ends.set(xlabel="learning rate", title=f"After {steps:,} examples")
    for axes in (way, ends):
        axes.set(xscale="log", yscale="log", ylim=(lowest, highest))
        axes.grid(alpha=0.3)
        axes.margins(x=0.01)
    way.set(xlabel="examples", xlim=(10, 1.05 * steps))
    handles, labels = way.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    caption = (
        "Left: schedules that end at the last example (linear, cosine) are behind until shortly "
        "before it. Dots: what they reach where they are made to end there, at the best rate for "
        "that. ASGD and the schedule-free optimizers keep their rate and do not know the end. "
        "Right: the loss at the end by the rate."
    )
    return Picture("schedules", figure, caption)
