"""Pictures, table and words for the experiment of Reddi, Kale & Kumar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from instep.study.convex.experiment import (
    GAMES,
    PERIOD,
    PERIODIC,
    PLAYERS,
    RATES,
    RUNS,
    STOCHASTIC,
    Result,
    marks,
    play_all,
)
from instep.study.report.findings import Curves, Findings, Picture
from instep.study.report.legends import legend_below
from instep.study.report.styles import style
from instep.study.report.words import markdown_table, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from instep.study.arrays import Doubles
    from instep.study.progress import Progress
    from instep.study.report.iterations import Iterations

# Adam with and without bias correction have one curve after the first thousand steps.
DRAWN = [title for title in PLAYERS if title != "Adam, uncorrected"]
# RMSprop lies on Adam's curve for the most part; a wider line shows on both sides of it.
WIDTHS = {"Adam": 3.5}
WORST = {PERIODIC: 20 / PERIOD, STOCHASTIC: 0.4}


def run(seed: int, progress: Progress, *, quick: bool) -> Findings:
    """Play, draw and tell."""
    periods = 400 if quick else 9901
    results = play_all(seed, periods, progress)
    at = marks(periods)
    pictures = [_draw_games(results, at), _draw_rates(results, at)]
    return Findings(_text(results, at), pictures, [_curves(results, at)])


def _curves(results: Sequence[Result], at: Iterations) -> Curves:
    curves = Curves(
        "experiment", "optimizer", "rate", "game", "run", "iteration", "x", "average regret"
    )
    for result in results:
        # Every point of all runs would be many times the numbers for the same picture.
        thin = slice(None) if result.game == PERIODIC else slice(None, None, -4)
        for column, (x, regret) in enumerate(zip(result.x.T, result.regret.T, strict=True)):
            identity = result.title, result.rate, result.game, column
            curves.add(*identity, at[thin][::-1], x[thin][::-1], regret[thin][::-1])
    return curves


def _draw_games(results: Sequence[Result], at: Iterations) -> Picture:
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


def _draw_rates(results: Sequence[Result], at: Iterations) -> Picture:
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


def _text(results: Sequence[Result], at: Iterations) -> str:
    heads = ("optimizer", "learning rate", "x", "R_T/T", "x, stochastic", "range", "R_T/T")
    rows = []
    for one, many in zip(results[::2], results[1::2], strict=True):
        x, regret = np.median(many.final), np.median(many.regret[-1])
        rows.append(
            (
                *(one.title, one.rate, signed(one.final[0]), f"{one.regret[-1, 0]:.4f}"),
                signed(x),
                f"{signed(many.final.min())} to {signed(many.final.max())}",
                f"{regret:.4f}",
            )
        )
    return f"""\
### Their experiment

f_t(x) = 1010 x in every 101st iteration (t mod 101 = 1), else −10 x; or, stochastic, 1010 x with
probability 0.01, else −10 x ({RUNS} runs). x is projected on [−1, 1] and starts at 0. The slopes
sum to 10 in a period, and their mean is 0.2 where chance plays, so the best fixed point is −1 and
the worst +1. Whoever stays at +1 has an average regret of 20/101 = 0.198, stochastic 0.4.

β = (0.9, 0.99) as in the paper, no ε (the first gradients are not 0); RMSprop is Adam with β₁ = 0.
Adam has torch's bias correction; "uncorrected" is the paper's form, as is AMSGrad. Learning rates:
α/√t as in the paper's theory, and a constant. SGD's are a hundredth of those named, since nothing
divides its gradients by their root mean square of 101; Adagrad's are the constants 1 and 0.1, since
its sum of squares grows as t. The stochastic games' regret is that against −1, in expectation over
the gradient of each step: 0.2 (mean of x + 1). After {at[-1]:,} iterations (stochastic: median, and
range of x over the runs; the CSV file has {len(at)} ends of periods evenly spaced in log t, every
fourth of them for the stochastic runs):

{markdown_table(heads, rows)}

{_ends(results)} {_chances(results)} {_corrections(results, at)}"""


def _ends(results: Sequence[Result]) -> str:
    places: dict[str, list[str]] = {"at the worst end": [], "at the best end": [], "between": []}
    for result in results:
        if result.game == PERIODIC and result.title in DRAWN:
            x, who = float(result.final[0]), f"{result.title} ({result.rate})"
            if abs(x) > 0.9:
                places["at the worst end" if x > 0 else "at the best end"].append(who)
            else:
                places["between"].append(f"{who} at {signed(x)}")
    told = (f"{place}: {', '.join(who)}" for place, who in places.items() if who)
    return f"The periodic game ends {'; '.join(told)}."


def _chances(results: Sequence[Result]) -> str:
    """Tell how many runs of the stochastic game have arrived."""
    adam, amsgrad = (
        result.final
        for title in ("Adam", "AMSGrad")
        for result in results
        if (result.title, result.rate, result.game) == (title, "1/√t", STOCHASTIC)
    )
    return (
        f"Of the {RUNS} stochastic runs at 1/√t, {np.count_nonzero(adam > 0.9)} of Adam's end "
        f"above +0.9, and {np.count_nonzero(amsgrad < -0.9)} of AMSGrad's below −0.9; the farthest "
        f"of AMSGrad's from −1 is at {signed(amsgrad.max())}."
    )


def _corrections(results: Sequence[Result], at: Iterations) -> str:
    with_it, without = (
        [result for result in results if result.title == title]
        for title in ("Adam", "Adam, uncorrected")
    )
    early = late = 0.0
    for one, other in zip(with_it, without, strict=True):
        apart = np.abs(one.x - other.x)
        early = max(early, float(apart[at <= 1000].max()))
        late = max(late, float(np.abs(one.final - other.final).max()))
    return (
        "Adam with and without bias correction: the largest distance between their x is "
        f"{early:.2g} in the first thousand iterations and {late:.2g} at the end."
    )
