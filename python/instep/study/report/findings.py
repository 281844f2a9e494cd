"""What a part of the study finds: text, pictures and the numbers behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A figure, the name of its file without an ending, and what a reader should see in it."""

    name: str
    figure: Figure
    caption: str


class Curves:
    """Rows of numbers for a CSV file: a curve after another, each with what identifies it.

    >>> curves = Curves("losses", "optimizer", "iteration", "loss")
    >>> curves.add("Adam", [1, 2], [0.5, 0.25])
    >>> list(curves.rows())
    [('Adam', 1, 0.5), ('Adam', 2, 0.25)]
    """

    def __init__(self, name: str, *columns: str) -> None:
        self.name = name
        self.columns = columns
        self._blocks: list[tuple[list[Any], ...]] = []

    def add(self, *values: object) -> None:
        """Add a value for each column: sequences of one length, and what is the same for all."""
        if len(values) != len(self.columns):
            raise ValueError(f"{self.name}: expected {len(self.columns)} columns")
        arrays = np.broadcast_arrays(*(np.asarray(value) for value in values))
        self._blocks.append(tuple(np.atleast_1d(array).tolist() for array in arrays))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield all rows, in the order in which they were added."""
        for block in self._blocks:
            yield from zip(*block, strict=True)


@dataclass(frozen=True)
class Findings:
    """What a part hands in. `text` is Markdown and stands above the pictures."""

    text: str
    pictures: Sequence[Picture] = ()
    curves: Sequence[Curves] = field(default=())
