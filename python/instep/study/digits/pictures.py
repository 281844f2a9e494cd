"""The picture of the part ``digits``: a panel of losses and one of accuracies for each rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from instep.study.digits.smoothing import SmoothedLoss
from instep.study.handwriting.idx import CLASSES
from instep.study.handwriting.training import CHANCE
from instep.study.report.findings import Picture
from instep.study.report.styles import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from instep.study.handwriting.training import TrainingRun

HIGHEST = 5 * CHANCE
"""What is above is out of view: the first steps at a rate that is too large, or a divergence."""

CAPTION = (
    "Above: the loss of each batch (faint) and its running geometric mean (bold); dotted, the loss "
    f"ln {CLASSES} of a network that tells all digits alike. Below: the accuracy on the test part "
    "after each epoch; dotted, chance. Where curves lie on the dotted lines, nothing was learned."
)


def draw_losses(outcomes: Sequence[TrainingRun], source: str) -> Picture:
    """Draw the runs, a column of panels for each learning rate."""
    rates = list(dict.fromkeys(outcome.lr for outcome in outcomes))
    figure = Figure(figsize=(max(7.0, 4.0 * len(rates)), 7.5), layout="constrained")
    panels = figure.subplots(2, len(rates), sharex=True, sharey="row", squeeze=False)
    for lr, (losses, accuracies) in zip(rates, panels.T, strict=True):
        here = [outcome for outcome in outcomes if outcome.lr == lr]
        # The worst first, so that where curves cross the better are on top.
        for order, outcome in enumerate(sorted(here, key=lambda outcome: outcome.accuracy)):
            _draw_losses(losses, outcome, order)
            accuracies.plot(
                outcome.epoch_ends,
                outcome.accuracies,
                **style(outcome.pairing.title),
                linewidth=1.8,
                zorder=3 + order,
            )
        losses.axhline(CHANCE, color="black", linestyle=":", linewidth=1)
        accuracies.axhline(1 / CLASSES, color="black", linestyle=":", linewidth=1)
        losses.set(title=f"learning rate {lr:g}", yscale="log")
        accuracies.set(xlabel="iteration", ylim=(0, 1.02))
        accuracies.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        for axes in (losses, accuracies):
            axes.margins(x=0)
            axes.grid(alpha=0.3)
    panels[0, 0].set(ylabel="training loss (cross-entropy)", ylim=(lowest(outcomes), HIGHEST))
    panels[1, 0].set(ylabel="test accuracy")
    titles = dict.fromkeys(outcome.pairing.title for outcome in outcomes)
    by_title = {line.get_label(): line for axes in panels[1] for line in axes.get_lines()}
    figure.legend(
        [by_title[title] for title in titles], titles, loc="outside lower center", ncols=4
    )
    figure.suptitle(source)
    return Picture("losses", figure, CAPTION)


def _draw_losses(axes: Axes, outcome: TrainingRun, order: int) -> None:
    """Draw the loss of every batch, and bold over it the smoothed one."""
    steps = np.arange(1, len(outcome.losses) + 1)
    look = style(outcome.pairing.title)
    axes.plot(steps, outcome.losses, color=look["color"], alpha=0.2, linewidth=0.6, zorder=2)
    axes.plot(steps, smooth(outcome.losses), **look, linewidth=1.8, zorder=3 + order)


def smooth(losses: Sequence[float]) -> list[float]:
    """Smooth the losses over a thirtieth of the run."""
    smoothed = SmoothedLoss(len(losses) / 30)
    return [smoothed.update(loss) for loss in losses]


def lowest(outcomes: Sequence[TrainingRun]) -> float:
    """Return where the axis of losses begins: below all smoothed losses, and below chance."""
    smoothed = np.concatenate([smooth(outcome.losses) for outcome in outcomes])
    finite = smoothed[np.isfinite(smoothed)]
    return float(finite.min(initial=CHANCE)) / 2
