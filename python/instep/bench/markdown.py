"""Tables as GitHub shows them, to be pasted into a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from instep.bench.tables import Table


def print_report(heading: str, tables: Iterable[Table], notes: Iterable[str]) -> None:
    """Print the heading, every table with its title, and the notes as a list."""
    print(heading)
    for table in tables:
        print(f"\n**{table.title}**\n")
        print(_row(table.headings))
        print(_row(["---"] + ["---:"] * len(table.columns)))
        for row in table.rows:
            print(_row(row))
    print()
    for note in notes:
        print(f"- {note}")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
