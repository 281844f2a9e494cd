"""The shapes of states beside their parameters, by the core's words for them."""

from __future__ import annotations

REDUCED = frozenset({"row", "rows", "columns"})
"""Those of states with other numbers than their parameter has."""


def shape_of(word: str, param: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape of a state of a parameter of this shape, or None where it has no such state.

    "row" is one number for each index of the first axis; "rows" and "columns" are means over the
    last axis and over the one before it, of parameters that have both; "vector" is the shape of
    the others.
    """
    if word == "row":
        return param[:1]
    if word == "vector":
        return param if len(param) < 2 else None
    if word in {"rows", "columns"}:
        if len(param) < 2:
            return None
        *batches, rows, columns = param
        return (*batches, rows, 1) if word == "rows" else (*batches, 1, columns)
    return param
