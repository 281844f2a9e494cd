"""Tables on a terminal, as wide as it is."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.measure import Measurement as Width
from rich.table import Table as Grid
from rich.text import Text

from instep.bench.own import INSTEP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from instep.bench.tables import Table


def print_report(
    heading: str, tables: Iterable[Table], notes: Iterable[str], console: Console | None = None
) -> None:
    """Print the heading, every table with its title, cut where it is too wide, and the notes."""
    console = console or Console(highlight=False)
    console.print(Text(heading))
    for table in tables:
        console.print(Text(f"\n{table.title}", style="bold"))
        for part, grid in enumerate(_fitting(table, console)):
            if part:
                console.print()
            console.print(grid)
    console.print()
    for note in notes:
        console.print(Text(note, style="dim"))


def _fitting(table: Table, console: Console) -> list[Grid]:
    """Return the table in as few parts as fit the width, a column each if nothing does."""
    unbounded = console.options.update(width=10_000)
    for parts in itertools.count(1):
        grids = [_grid(part) for part in table.cut(parts)]
        widths = (Width.get(console, unbounded, grid).maximum for grid in grids)
        if parts == len(table.columns) or max(widths) <= console.width:
            break
    return grids


def _grid(table: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for position, heading in enumerate(table.headings):
        grid.add_column(heading, justify="right" if position else "left", no_wrap=True)
    for row in table.rows:
        grid.add_row(*row, style="bold" if row[0] == INSTEP.name else None)
    return grid
