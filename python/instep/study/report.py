"""What the study shows: progress while it runs, a table and a picture at the end."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from instep.extras import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from instep.study.optimizers import Pairing
    from instep.study.training import Outcome


class RunningMean:
    """An exponentially weighted mean of about the last `span` values."""

    def __init__(self, span: float) -> None:
        self._keep = 1.0 - 1.0 / max(span, 1.0)
        self._sum = self._weight = 0.0

    def update(self, value: float) -> float:
        """Take in `value` and return the mean."""
        self._sum = self._keep * self._sum + (1.0 - self._keep) * value
        self._weight = self._keep * self._weight + (1.0 - self._keep)
        return self._sum / self._weight


class TrainingProgress(Progress):
    """One bar for each optimizer, with its smoothed loss and its test accuracy."""

    def __init__(self, pairings: Sequence[Pairing], steps: int) -> None:
        # rich's own refreshing thread would take the interpreter's lock in the middle of a timed
        # step; drawing between the steps keeps the times clean.
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:8}"),
            TextColumn("accuracy {task.fields[accuracy]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            auto_refresh=False,
            expand=True,
        )
        self._drawn = monotonic()
        self._bars = {
            pairing.title: self.add_task(
                pairing.title, start=False, total=steps, loss="-", accuracy="-"
            )
            for pairing in pairings
        }
        self._means = {pairing.title: RunningMean(20) for pairing in pairings}

    def begin(self, pairing: Pairing) -> None:
        """Start the clock of an optimizer."""
        self.start_task(self._bars[pairing.title])
        self.refresh()

    def step(self, pairing: Pairing, loss: float, accuracy: float) -> None:
        """Count a step; draw when the last drawing is a tenth of a second old."""
        mean = self._means[pairing.title].update(loss)
        self.update(
            self._bars[pairing.title],
            advance=1,
            loss=_significant(mean),
            accuracy=f"{accuracy:.1%}",
        )
        if monotonic() - self._drawn > 0.1:
            self._drawn = monotonic()
            self.refresh()


def print_table(outcomes: Sequence[Outcome], title: str, conditions: str) -> None:
    """Print a row for each optimizer."""
    table = Table(
        title=escape(title),
        caption=f"{conditions}\nFinal loss: mean over the last epoch's batches. Times: all steps, "
        "with the same gradients on both sides, which end equal bit for bit.",
        caption_justify="left",
    )
    table.add_column("optimizer")
    for heading in (
        "learning\nrate",
        "final\nloss",
        "test\naccuracy",
        "time in\nsteps",
        "time in NumPy\nreference",
        "ratio",
    ):
        table.add_column(heading, justify="right")
    for outcome in outcomes:
        table.add_row(
            outcome.pairing.title,
            f"{outcome.lr:g}",
            _significant(outcome.final_loss),
            f"{outcome.accuracy:.1%}",
            f"{outcome.seconds:.3f} s",
            f"{outcome.reference_seconds:.3f} s",
            f"{outcome.reference_seconds / outcome.seconds:.1f}x",
        )
    Console().print(table)


def draw_losses(outcomes: Sequence[Outcome], title: str, path: Path) -> None:
    """Draw the loss curves, smoothed over the raw ones, into a PNG file at `path`."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    shown: list[float] = []
    # The legend has the order that the curves have where they end.
    for outcome in sorted(outcomes, key=lambda outcome: outcome.final_loss, reverse=True):
        steps = np.arange(1, len(outcome.losses) + 1)
        mean = RunningMean(len(steps) / 50)
        smooth = np.array([mean.update(loss) for loss in outcome.losses])
        colour = outcome.pairing.colour
        label = f"{outcome.pairing.title} (lr {outcome.lr:g})"
        axes.plot(steps, outcome.losses, color=colour, alpha=0.15, linewidth=0.6, zorder=1)
        axes.plot(steps, smooth, color=colour, linewidth=2, zorder=2, label=label)
        shown.extend(smooth[np.isfinite(smooth) & (smooth > 0)])
    # A folder's name in the title may hold dollars, which are no mathematics there.
    axes.set_title(title, parse_math=False)
    axes.set(xlabel="step", ylabel="training loss (cross-entropy)", yscale="log")
    axes.margins(x=0)
    if shown:
        # Single batches can fall to almost nothing; the smoothed curves decide what is in view.
        axes.set_ylim(min(shown) / 2, max(shown) * 2)
    axes.grid(alpha=0.3)
    axes.legend(title="bold: smoothed; faint: each batch", alignment="left")
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise CommandError(f"cannot write '{path}': {error.strerror}") from error


def _significant(loss: float) -> str:
    """Spell a loss in few characters, also one that diverged."""
    return f"{loss:#.3g}"
