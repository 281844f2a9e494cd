"""Who did better than whom on the linear problems: by what, and on which of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from instep.study.where_adam_fails.linear_training import (
    DEFAULT_RATES,
    LINE_SEARCH,
    LinearRun,
    best_rate,
)

if TYPE_CHECKING:
    from instep.study.where_adam_fails.linear_training import LinearRuns

SOLVED = 1e-10
"""Losses up to this count as equal."""

Comparison: TypeAlias = Callable[[LinearRun, LinearRun], int]
"""Returns 1 where the first run is better, −1 where the other is, or 0."""


class Entry(NamedTuple):
    """A run that is compared, and its rate."""

    rate: float | None
    run: LinearRun


Table: TypeAlias = dict[str, dict[str, Entry]]
"""For each problem and contender."""


def lower_loss(run: LinearRun, other: LinearRun) -> int:
    """Return 1 where the last loss is less than half the other's, −1 the other way, or 0."""
    if max(run.loss, other.loss) <= SOLVED:
        return 0
    return int(run.loss < other.loss / 2) - int(other.loss < run.loss / 2)


def higher_accuracy(run: LinearRun, other: LinearRun) -> int:
    """Return 1 where the last accuracy is higher by more than a point, −1 the other way, or 0."""
    points = round(100 * (run.accuracy - other.accuracy), 9)
    return int(points > 1) - int(points < -1)


def contenders(by_optimizer: LinearRuns) -> dict[str, Entry]:
    """Return the line search, and each optimizer at its default and at its best rate."""
    entries = {LINE_SEARCH: Entry(None, by_optimizer[LINE_SEARCH][None])}
    for title, runs in by_optimizer.items():
        if title != LINE_SEARCH:
            default, best = DEFAULT_RATES[title], best_rate(runs)
            entries[f"{title}, default"] = Entry(default, runs[default])
            entries[f"{title}, tuned"] = Entry(best, runs[best])
    return entries


def won_equal_lost(
    table: Table, title: str, other: str, compare: Comparison
) -> dict[int, list[str]]:
    """Return the problems by what `compare` says of the two: 1, 0 or −1."""
    names: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for name, row in table.items():
        names[compare(row[title].run, row[other].run)].append(name)
    return names
