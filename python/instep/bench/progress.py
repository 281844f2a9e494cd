"""What is shown while it runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[object], None]]:
    """Show on standard error what is being measured: the function given is told each."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    # Drawn between the cases only: a drawing thread would take time from what is measured.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bars:
        bar = bars.add_task("", total=total)
        yield lambda each: bars.update(bar, advance=1, description=str(each), refresh=True)
