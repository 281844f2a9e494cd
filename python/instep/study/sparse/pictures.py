"""Pictures of learning from rare and frequent features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from instep.study.report.findings import Picture
from instep.study.report.legends import legend_below
from instep.study.report.styles import style
from instep.study.report.words import capitalised
from instep.study.sparse.bags_of_words import bayes_loss, errors_by_occurrences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from instep.study.sparse.exact_zeros import Sparsity
    from instep.study.sparse.learning import SparseRun

FIRST_SHOWN = 100
"""Before this many examples, held-out losses are chance."""

MOST_SHOWN = 2.5
"""Of held-out losses, in those without L1."""


def _panels(
    figure: Figure, runs: Sequence[SparseRun], shape: tuple[int, int]
) -> Iterator[tuple[Axes, list[SparseRun]]]:
    """Yield a panel for each problem, with its runs; then put a legend below all."""
    titles = list(dict.fromkeys(run.problem.title for run in runs))
    panels = np.atleast_2d(figure.subplots(*shape))
    for axes, title in zip(panels.flat, titles, strict=True):
        yield axes, [run for run in runs if run.problem.title == title]
        axes.set_title(capitalised(title))
        axes.grid(alpha=0.3)
        axes.margins(x=0.01)
    legend_below(figure, panels.flat[0])


def _mark_logarithmic(axis: Axis, steps: Sequence[float]) -> None:
    """Mark more than powers of ten, which alone would be one or two ticks."""
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def draw_learning(runs: Sequence[SparseRun]) -> Picture:
    """Draw held-out losses against the examples learned from, each at its best rate."""
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    for axes, of_problem in _panels(figure, runs, (2, 2)):
        for run in of_problem:
            late = run.marks >= FIRST_SHOWN
            losses = run.held_out[run.best, late]
            axes.plot(run.marks[late], losses, **style(run.learner.title), linewidth=2)
        if of_problem[0].problem.weights is not None:
            axes.axhline(
                bayes_loss(of_problem[0].problem),
                color="0.3",
                linewidth=1,
                linestyle="--",
                label="true weights",
            )
        axes.set(xscale="log", yscale="log", xlabel="examples", ylabel="held-out loss")
        _mark_logarithmic(axes.xaxis, (1, 3))
        _mark_logarithmic(axes.yaxis, (1, 1.5, 2, 3, 4, 5, 7))
    caption = (
        "Held-out loss at each optimizer's best learning rate, from the hundredth example on: "
        "what Adagrad gains depends on whether the rare words tell something."
    )
    return Picture("held-out", figure, caption)


def draw_features(runs: Sequence[SparseRun]) -> Picture:
    """Draw the error of the weights against the frequency of their words."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    known = [run for run in runs if run.problem.weights is not None]
    for axes, of_problem in _panels(figure, known, (1, 3)):
        problem = of_problem[0].problem
        for run in of_problem:
            occurrences, errors = errors_by_occurrences(problem, run.weights[run.best])
            axes.plot(
                occurrences, errors, **style(run.learner.title), linewidth=2, marker="o", ms=3
            )
        occurrences, errors = errors_by_occurrences(problem, np.zeros((problem.vocabulary, 1)))
        axes.plot(occurrences, errors, color="0.3", linewidth=1, linestyle="--", label="untouched")
        axes.set(xscale="log", xlabel="expected occurrences of the word", ylim=(0, None))
    figure.axes[0].set_ylabel("error of weights (root mean square)")
    caption = (
        "How far the weights are from the true ones at the end, by how often their word came. "
        "Dashed: weights that were never stepped, 0."
    )
    return Picture("features", figure, caption)


def draw_rates(runs: Sequence[SparseRun]) -> Picture:
    """Draw the online loss against the learning rate."""
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    for axes, of_problem in _panels(figure, runs, (2, 2)):
        least = min(run.online.min() for run in of_problem)
        for run in of_problem:
            axes.plot(
                run.learner.rates,
                run.online,
                **style(run.learner.title),
                linewidth=2,
                marker="o",
                ms=4,
            )
        axes.set(xscale="log", xlabel="learning rate", ylabel="online loss")
        axes.set_ylim(least * 0.9, least * 4)
    caption = (
        "Online loss over the grid of learning rates (SGD with a schedule: α of α/√t). The lower "
        "and the wider the valley, the better."
    )
    return Picture("rates", figure, caption)


def draw_zeros(sparsities: Sequence[Sparsity]) -> Picture:
    """Draw the held-out loss against how many weights are not 0."""
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    panels = _panels(figure, [each.adagrad for each in sparsities], (2, 2))
    for (axes, _), each in zip(panels, sparsities, strict=True):
        full = each.held_out[0]
        axes.plot(each.kept, each.held_out, **style("FTRL"), linewidth=2, marker="o", ms=4)
        axes.plot(each.kept, each.cut, **style("Adagrad, cut"), linewidth=2, marker="o", ms=4)
        axes.axhline(full, color="0.3", linewidth=1, linestyle="--", label="all weights of Adagrad")
        if each.problem.weights is not None:
            telling = int(np.count_nonzero(each.problem.weights))
            axes.axvline(telling, color="0.3", linewidth=1, linestyle=":", label="words that tell")
        highest = min(MOST_SHOWN * full, 1.05 * max(each.held_out.max(), *each.cut))
        axes.set(xscale="log", xlabel="weights that are not 0")
        axes.set(ylabel="held-out loss", ylim=(0.95 * each.held_out.min(), highest))
        _mark_logarithmic(axes.xaxis, (1, 2, 5))
    caption = (
        "Held-out loss against the number of weights that are not 0: FTRL by its L1 (right: none), "
        "and Adagrad's weights where all but the largest are cut off. Dotted: how many words have "
        "a true weight that is not 0."
    )
    return Picture("zeros", figure, caption)
