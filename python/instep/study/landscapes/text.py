"""What is seen of the descents, in words that follow from the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.study.landscapes.descents import DONE
from instep.study.optimizers import MOMENTUM, VARIANTS
from instep.study.report.words import listed, markdown_table, number, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from instep.study.landscapes.descents import Descent
    from instep.study.landscapes.surfaces import Surface

THERE = 1e-3
"""What is nearer to a minimum than this has arrived."""


def text(found: Sequence[tuple[Surface, Sequence[Descent]]], rates: Sequence[float]) -> str:
    """Return the report."""
    paragraphs = [_procedure(rates)]
    for surface, descents in found:
        paragraphs += [
            f"### {surface.title}",
            _problem(surface, len(descents[0].losses) - 1),
            _table(surface, descents, len(rates)),
            _seen(surface, descents, rates),
        ]
    return "\n\n".join([*paragraphs, "### The rates", _rates(found, len(rates))])


def _procedure(rates: Sequence[float]) -> str:
    return (
        "Each optimizer descends from the same point, in float64, with its default hyperparameters "
        f"(momentum: {MOMENTUM}; AMSGrad as in Reddi et al. 2018) but for the rate: of "
        f"{listed(f'{rate:g}' for rate in rates)} that one is taken, for each function and "
        f"optimizer, with which the loss falls below {number(DONE)} for good in the fewest "
        "iterations; where it does so with none, the one with the lowest loss at the end. Loss "
        f"means f above its minimum. A rate works where the loss gets below {number(DONE)} and "
        "stays there."
    )


def _problem(surface: Surface, iterations: int) -> str:
    return (
        f"f(x, y) = {surface.formula}. Start: {_point(surface.start)}, {surface.about_start}. "
        f"{iterations:,} iterations."
    )


def _table(surface: Surface, descents: Sequence[Descent], rates: int) -> str:
    columns = (
        "optimizer",
        "rate",
        f"iterations to {number(DONE)}",
        "loss at the end",
        "nearest minimum",
        "distance from it",
        f"rates of {rates} that work",
    )
    rows = []
    for descent in descents:
        minimum, distance = descent.nearest(surface.minima)
        rows.append(
            (
                descent.title,
                f"{descent.lr:g}",
                "–" if descent.done is None else f"{descent.done:,}",
                number(descent.losses[-1]),
                _point(minimum),
                number(distance),
                str(descent.working),
            )
        )
    return markdown_table(columns, rows)


def _seen(surface: Surface, descents: Sequence[Descent], rates: Sequence[float]) -> str:
    reached: dict[str, list[str]] = {}
    elsewhere = []
    for descent in descents:
        minimum, distance = descent.nearest(surface.minima)
        if distance < THERE:
            reached.setdefault(_point(minimum), []).append(spoken(descent.title))
        else:
            elsewhere.append((descent, distance))
    sentences = []
    if first := min((each for each in descents if each.done is not None), key=_done, default=None):
        sentences.append(f"{spoken(first.title)} is done first, after {_done(first):,} iterations.")
    sentences += [
        f"{listed(titles)} {_arrive(titles)} at {minimum}, within {number(THERE)}."
        for minimum, titles in reached.items()
    ]
    if elsewhere:
        which = listed(f"{spoken(each.title)} ({number(far)})" for each, far in elsewhere)
        sentences.append(f"Farther from every minimum, by the distance in brackets: {which}.")
    edge = [spoken(each.title) for each in descents if each.lr in (rates[0], rates[-1])]
    if edge:
        sentences.append(
            f"The best rate of {listed(edge)} is at an end of the grid: one beyond it may be "
            "better."
        )
    return " ".join(sentences)


def _rates(found: Sequence[tuple[Surface, Sequence[Descent]]], rates: int) -> str:
    chosen = {
        title: [descents[place].lr for _, descents in found] for place, title in enumerate(VARIANTS)
    }
    spans = {title: max(each) / min(each) for title, each in chosen.items()}
    working = {
        title: sum(descents[place].working for _, descents in found)
        for place, title in enumerate(VARIANTS)
    }
    ranked = sorted(working, key=lambda title: -working[title])
    total = rates * len(found)
    narrow = sorted(spans, key=lambda title: spans[title])
    return (
        f"Of {total} pairs of a rate and a function work: "
        f"{listed(f'{working[title]} for {spoken(title)}' for title in ranked)}. The best rates on "
        f"the {len(found)} functions lie apart by factors of "
        f"{listed(f'{spans[title]:.3g} for {spoken(title)}' for title in narrow)}."
    )


def _point(point: Iterable[float]) -> str:
    spelled = (number(value) if 0 < abs(value) < 1e-3 else f"{value:.4g}" for value in point)
    return f"({', '.join(spelled).replace('-', '−')})"


def _arrive(titles: Sequence[str]) -> str:
    return "arrives" if len(titles) == 1 else "arrive"


def _done(descent: Descent) -> int:
    return len(descent.losses) if descent.done is None else descent.done
