"""Pictures of the training of linear models, and of the fits of Wilson et al.'s data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from instep.study.report.findings import Picture
from instep.study.report.legends import legend_below
from instep.study.report.styles import style
from instep.study.where_adam_fails.linear_training import (
    DEFAULT_RATES,
    LINE_SEARCH,
    OPTIMIZERS,
    UNCORRECTED,
    best_rate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from instep.study.arrays import Doubles
    from instep.study.where_adam_fails.linear_training import LinearRun, LinearRuns
    from instep.study.where_adam_fails.unique_features import Fit

LEAST_LOSS = 1e-10
"""What is less is drawn here."""

WIDTHS_OF_FITS = {"RMSprop": 3.5, "Adam": 2.2}

SMOOTHED = 5
"""Epochs over which drawn accuracies are averaged."""


def shown_runs(by_optimizer: LinearRuns) -> Iterator[tuple[str, LinearRun]]:
    """Yield what is drawn: the best run of each optimizer, Adam's default, the line search."""
    for title in reversed([title for title in OPTIMIZERS if title != UNCORRECTED]):
        runs = by_optimizer[title]
        yield title, runs[best_rate(runs)]
    yield "Adam, default rate", by_optimizer["Adam"][DEFAULT_RATES["Adam"]]
    yield LINE_SEARCH, by_optimizer[LINE_SEARCH][None]


def draw_margins(outcomes: dict[str, LinearRuns]) -> Picture:
    """Draw training losses on separable data, a row for each loss function."""
    columns = len(outcomes) // 2
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    panels = figure.subplots(2, columns, sharex=True, sharey="row", squeeze=False)
    for axes, (name, by_optimizer) in zip(panels.flat, outcomes.items(), strict=True):
        _draw_losses(axes, by_optimizer)
        axes.set_title(name)
    for axes in panels[:, 0]:
        axes.set_ylabel("training loss")
    _finish(figure, panels)
    return Picture(
        "margins",
        figure,
        "Training loss on separable data against epochs: each optimizer at the rate of its "
        "grid that ends lowest, Adam at its default rate too (dotted, blue), and SGD with the "
        f"line search (dotted, orange). What is below {LEAST_LOSS:g}, exact 0 too, is drawn there.",
    )


def draw_data(outcomes: dict[str, LinearRuns]) -> Picture:
    """Draw training losses and test accuracies, a column for each data set."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    panels = figure.subplots(2, len(outcomes), sharex=True, squeeze=False)
    for (above, below), (name, by_optimizer) in zip(panels.T, outcomes.items(), strict=True):
        _draw_losses(above, by_optimizer)
        above.set_title(name)
        smoothed = {
            title: _running_mean(one.accuracies[1:]) for title, one in shown_runs(by_optimizer)
        }
        for title, accuracies in smoothed.items():
            below.plot(np.arange(1, len(accuracies) + 1), accuracies, **_widths(title))
        late = [accuracies[len(accuracies) // 4 :] for accuracies in smoothed.values()]
        below.set_ylim(float(np.min(late)) - 0.005, float(np.max(late)) + 0.005)
        below.grid(alpha=0.3)
    panels[0, 0].set_ylabel("training loss")
    panels[1, 0].set_ylabel("test accuracy")
    _finish(figure, panels)
    return Picture(
        "data",
        figure,
        "The same on real data, with the test accuracy below (mean over the last "
        f"{SMOOTHED} epochs), which may start beneath the view.",
    )


def draw_step_sizes(outcomes: dict[str, LinearRuns]) -> Picture:
    """Draw the step sizes that the line search accepted, a panel for each kind of problem."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    kinds: dict[str, list[str]] = {"logistic": [], "hinge²": [], "real data": []}
    for name in outcomes:
        kind = name.split(",")[0]
        kinds[kind if kind in kinds else "real data"].append(name)
    for axes, (kind, names) in zip(panels, kinds.items(), strict=True):
        colours = colormaps["viridis"](np.linspace(0, 0.9, len(names)))
        # Curves that coincide show beside each other: the first is the widest.
        widths = np.linspace(3.5, 1, len(names))
        for name, colour, width in zip(names, colours, widths, strict=True):
            sizes = outcomes[name][LINE_SEARCH][None].step_sizes
            axes.plot(np.arange(1, len(sizes) + 1), sizes, color=colour, lw=width, label=name)
        axes.set(yscale="log", xlabel="step", title=kind)
        axes.grid(alpha=0.3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize="small")
    panels[0].set_ylabel("step size accepted by the line search")
    return Picture(
        "step-sizes",
        figure,
        "The step sizes that the line search found (geometric mean over the draws). None may "
        "exceed 10, and they at most double in an epoch. Curves that coincide are drawn in "
        "different widths.",
    )


def draw_unique_features(fits: Sequence[Fit]) -> Picture:
    """Draw losses and scores of new examples for full gradients and for single examples."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey="row")
    for one in fits:
        column = 0 if one.gradients == "all" else 1
        steps = one.shown + 1
        losses = np.maximum(one.losses[one.shown], LEAST_LOSS)
        # Wider below: RMSprop and Adagrad coincide for a while.
        look: dict[str, Any] = {**style(one.title), "linewidth": WIDTHS_OF_FITS.get(one.title, 1.2)}
        panels[0, column].plot(steps, losses, **look)
        panels[1, column].plot(steps, one.negative_scores[one.shown], **look)
    for axes, what in zip(panels[0], ("all examples", "one random example"), strict=True):
        axes.set(title=f"gradients of {what}", xscale="log", yscale="log")
        axes.set_ylim(LEAST_LOSS / 2, 2.0)
        axes.grid(alpha=0.3)
    for axes in panels[1]:
        axes.axhspan(0, 1, color="black", alpha=0.08)
        axes.set(xlabel="steps taken, plus 1", ylim=(-1, 1))
        axes.text(1.1, 0.9, "wrong", va="top")
        axes.text(1.1, -0.9, "right", va="bottom")
        axes.grid(alpha=0.3)
    panels[0, 0].set_ylabel("training loss")
    panels[1, 0].set_ylabel("score of a new negative example")
    legend_below(figure, panels[0, 0])
    return Picture(
        "unique-features",
        figure,
        "Wilson et al.'s data. With gradients of all examples every optimizer fits the data, but "
        "the scores of the adaptive ones meet at ¼, on the wrong side; with gradients of single "
        f"examples most do not. Losses below {LEAST_LOSS:g} are drawn there.",
    )


def _running_mean(values: Doubles) -> Doubles:
    sums = np.cumsum(np.insert(values, 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - SMOOTHED, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _draw_losses(axes: Axes, by_optimizer: LinearRuns) -> None:
    for title, one in shown_runs(by_optimizer):
        axes.plot(np.clip(one.losses, LEAST_LOSS, 1e6), **_widths(title))
    axes.set_yscale("log")
    axes.grid(alpha=0.3)


def _widths(title: str) -> dict[str, Any]:
    """Draw Adam and the line search wider and beneath the others, so that none hides another."""
    main = title.startswith("Adam") or title == LINE_SEARCH
    return {**style(title), "linewidth": 2.5 if main else 1.2, "zorder": 2 if main else 3}


def _finish(figure: Figure, panels: np.ndarray) -> None:
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    legend_below(figure, panels[0, 0])
