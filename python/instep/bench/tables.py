"""The tables: what stands in them, whoever prints them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instep.bench.own import INSTEP
from instep.bench.results import FLOOR_NAMES
from instep.bench.units import duration, significant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from instep.bench.results import Measurement, Results

NOTHING = "–"

LEGEND = (
    "spread: half the distance between the quartiles.",
    "× floor: the slower of two loops, one only moves the memory, one only takes the roots.",
    "GB/s: what has to move, by the time it took.",
    "All others: how many times as long as instep they took.",
    "B: bytes of an element that they have to move, where these are not instep's.",
)


@dataclass(frozen=True)
class Table:
    """Measurements of one kind, a column for each size."""

    title: str
    labels: tuple[str, ...]
    """Of the rows."""
    columns: tuple[tuple[str, ...], ...]
    """Each with its heading first."""

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of the columns, that of the labels included."""
        return ("", *(column[0] for column in self.columns))

    @property
    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows, labels included."""
        return zip(self.labels, *(column[1:] for column in self.columns), strict=True)

    def cut(self, parts: int) -> list[Table]:
        """Return tables with about equally many of the columns each."""
        cuts = [len(self.columns) * n // parts for n in range(parts + 1)]
        return [
            Table(self.title, self.labels, self.columns[start:stop])
            for start, stop in itertools.pairwise(cuts)
        ]


def tables(measurements: Iterable[Measurement]) -> Iterator[Table]:
    """Yield a table for each kind of case."""
    for title, group in itertools.groupby(measurements, lambda each: each.case.kind):
        yield _table(title, list(group))


def _table(title: str, measurements: Sequence[Measurement]) -> Table:
    own: dict[str, Callable[[Measurement], str]] = {
        INSTEP.name: lambda each: duration(each.seconds(INSTEP.name)),
        "spread": lambda each: f"±{each.timings[INSTEP.name].seconds.spread:.0%}",
        "× floor": _times_floor,
        "GB/s": lambda each: significant(each.bytes_per_second(INSTEP.name) / 1e9),
    }
    if all(each.floor is None for each in measurements):
        del own["× floor"]
    taking_part = dict.fromkeys(name for each in measurements for name in each.timings)
    others = [name for name in taking_part if name not in (INSTEP.name, *FLOOR_NAMES)]
    columns = (
        (
            each.case.shape,
            *(cell(each) for cell in own.values()),
            *(_times(each, name) for name in others),
        )
        for each in measurements
    )
    return Table(title, (*own, *others), tuple(columns))


def _times(measurement: Measurement, contender: str) -> str:
    if contender not in measurement.timings:
        return NOTHING
    times = f"{significant(measurement.ratio(contender))} ×"
    size = measurement.bytes_per_element(contender)
    return times if size == measurement.bytes_per_element(INSTEP.name) else f"{times}, {size:g} B"


def _times_floor(measurement: Measurement) -> str:
    floor = measurement.floor
    return NOTHING if floor is None else significant(measurement.ratio(INSTEP.name, to=floor))


def absences(results: Results) -> Iterator[str]:
    """Yield, for each contender that is missing somewhere, its name and every reason."""
    reasons: dict[str, dict[str, None]] = {
        name: {reason: None} for name, reason in results.skipped.items()
    }
    for measurement in results.measurements:
        for name, reason in measurement.skipped.items():
            reasons.setdefault(name, {})[reason] = None
    for name, each in reasons.items():
        yield f"{name}: {'; '.join(each)}"
