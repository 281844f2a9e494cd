"""Bars that tell how far a part of the study is."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

if TYPE_CHECKING:
    from rich.progress import TaskID

SECONDS_BETWEEN_DRAWINGS = 0.1


class Progress(Bars):
    """One bar for each thing that takes its time; on standard error."""

    def __init__(self) -> None:
        # rich's own refreshing thread would take the interpreter's lock in the middle of a timed
        # step; drawing between the steps keeps the times clean.
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            auto_refresh=False,
        )
        self._drawn = monotonic()

    def __enter__(self) -> Self:
        # What is refused before the first bar leaves one line and no empty one.
        return self

    def stop(self) -> None:
        if self.live.is_started:
            super().stop()

    def bar(self, description: str, total: int) -> Bar:
        """Add a bar and start its clock."""
        self.start()
        return Bar(self, self.add_task(description, total=total, note=""))

    def draw(self) -> None:
        """Draw where the last drawing is old enough to be worth it."""
        if monotonic() - self._drawn > SECONDS_BETWEEN_DRAWINGS:
            self._drawn = monotonic()
            self.refresh()


class Bar:
    """A bar of a `Progress`."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, steps: int = 1, note: str | None = None) -> None:
        """Go on, and show a note beside the bar."""
        fields = {} if note is None else {"note": note}
        self._progress.update(self._task, advance=steps, **fields)  # type: ignore[arg-type]
        self._progress.draw()
