"""What is seen of the descents and of the saddle, in words that follow from the numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from instep.study.landscapes.descents import DONE, OPTIMIZERS, unevenness
from instep.study.landscapes.saddle_escape import ALONG, ESCAPED, LR, sgd_iterations_a_decade
from instep.study.optimizers import MOMENTUM
from instep.study.report.words import listed, markdown_table, number, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from instep.study.arrays import Doubles
    from instep.study.landscapes.descents import Descent
    from instep.study.landscapes.saddle_escape import Escapes
    from instep.study.landscapes.surfaces import Surface

THERE = 1e-3
"""What is nearer to a minimum than this has arrived."""

FLAT = 1.0
"""Fewer iterations more than this for a tenth of the distance count as none."""


def describe_descents(
    found: Sequence[tuple[Surface, Sequence[Descent]]], rates: Sequence[float]
) -> str:
    """Return how each optimizer came down, and at which of the rates."""
    paragraphs = [_procedure(rates)]
    for surface, descents in found:
        paragraphs += [
            f"### {surface.title}",
            _problem(surface, len(descents[0].losses) - 1),
            _table(surface, descents, len(rates)),
            _seen(surface, descents, rates),
        ]
    paragraphs += ["### The rates", _rates(found, len(rates))]
    return "\n\n".join([*paragraphs, "### Rules of the sign", _signs(*found[-1])])


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
        title: [descents[place].lr for _, descents in found]
        for place, title in enumerate(OPTIMIZERS)
    }
    spans = {title: max(each) / min(each) for title, each in chosen.items()}
    working = {
        title: sum(descents[place].working for _, descents in found)
        for place, title in enumerate(OPTIMIZERS)
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


def _signs(surface: Surface, descents: Sequence[Descent]) -> str:
    paths = {descent.title: descent.path for descent in descents}
    firsts = listed(
        f"{number(unevenness(path)[0])} for {spoken(title)}" for title, path in paths.items()
    )
    lion = next(descent for descent in descents if descent.title == "Lion")
    return (
        f"{surface.title}, from {_point(surface.start)}: in the first step one coordinate moves as "
        f"many times as far as the other as follows: {firsts}. Lion's move equally far in every "
        f"one of {len(lion.path) - 1} steps (at most {np.max(unevenness(lion.path)):.6f} times), "
        f"by its rate, {lion.lr:g}: it takes of a mean of the gradients the sign and nothing else. "
        "So it cannot rest: with a constant rate it wanders about that far around a minimum. Rprop "
        "takes the sign as well, but lets each coordinate's step grow while the sign stays and "
        "shrink where it changes, so that the rate with which it begins hardly matters; that needs "
        "gradients without noise, as these are."
    )


def _point(point: Iterable[float]) -> str:
    spelled = (number(value) if 0 < abs(value) < 1e-3 else f"{value:.4g}" for value in point)
    return f"({', '.join(spelled).replace('-', '−')})"


def _arrive(titles: Sequence[str]) -> str:
    return "arrives" if len(titles) == 1 else "arrive"


def _done(descent: Descent) -> int:
    return len(descent.losses) if descent.done is None else descent.done


def describe_escapes(distances: Doubles, found: Escapes, limit: int) -> str:
    """Return how the saddles were left, from starts at `distances` within `limit` iterations."""
    problem = (
        f"The same saddle; the start is at {ALONG:g} along the ridge, where the gradient leads "
        f"into the saddle, and {number(distances[0])} to {number(distances[-1])} beside it. Every "
        f"optimizer has the rate {LR} (Adadelta also its default, 1), and has left when it is "
        f"{ESCAPED:g} away from the ridge. Since all rules but SGD's depend on the axes, the "
        "saddle is turned as well: the ridge lies along an axis, at 30° and at 45° to it. Dauphin "
        "et al. (2014) argue that saddles slow gradient descent down: its distance from the ridge "
        "grows by the factor 1 + 2·lr a step, which makes ln 10 / ln(1 + 2·lr) = "
        f"{sgd_iterations_a_decade():.1f} more iterations for a tenth of the distance."
    )
    table = _escape_table(distances, found, limit)
    heading = "### How long the saddle holds"
    return "\n\n".join((heading, problem, table, *_escapes_seen(distances, found, limit)))


def _escape_table(distances: Doubles, found: Escapes, limit: int) -> str:
    first, last = 0, len(distances) - 1
    columns = ["optimizer"]
    for ridge in found:
        columns += [f"{ridge}: from {number(distances[place])}" for place in (first, last)]
    rows = []
    for title in next(iter(found.values())):
        times = [found[ridge][title][place] for ridge in found for place in (first, last)]
        rows.append((title, *(f"{time:,}" if time <= limit else f"> {limit:,}" for time in times)))
    return markdown_table(columns, rows)


def _escapes_seen(distances: Doubles, found: Escapes, limit: int) -> list[str]:
    near = -2 if len(distances) < 6 else -4
    decades = math.log10(distances[near] / distances[-1])
    paragraphs = []
    for ridge, times in found.items():
        gone = {title: time for title, time in times.items() if (time <= limit).all()}
        stuck = [spoken(title) for title in times if title not in gone]
        slopes = {title: float(time[-1] - time[near]) / decades for title, time in gone.items()}
        flat = [spoken(title) for title, slope in slopes.items() if slope < FLAT]
        steep = [
            f"{spoken(title)} ({slope:.3g})" for title, slope in slopes.items() if slope >= FLAT
        ]
        sentences = []
        if flat:
            sentences.append(
                f"Near the ridge it hardly matters how near (less than {FLAT:g} iteration more "
                f"for a tenth of the distance) for {listed(flat)}."
            )
        if steep:
            sentences.append(
                "For a tenth of the distance as many iterations more as is given in brackets "
                f"(between {number(distances[near])} and {number(distances[-1])}) need "
                f"{listed(steep)}."
            )
        if stuck:
            sentences.append(
                f"From some of the starts, {listed(stuck)} had not left after {limit:,} iterations."
            )
        last = {title: time[-1] for title, time in times.items()}
        fastest = min(last, key=lambda title: last[title])
        slower = [spoken(title) for title in last if last[title] > last["SGD"]]
        sentences.append(
            f"From {number(distances[-1])}, {spoken(fastest)} leaves first ({last[fastest]:,})"
            + (f"; slower than plain SGD {_are(slower)} {listed(slower)}." if slower else ".")
        )
        earlier = [spoken(title) for title, time in gone.items() if time[-1] < 0.9 * time[0]]
        if earlier:
            sentences.append(
                "The start that is closest to the ridge leaves sooner than the one that is "
                f"farthest from it with {listed(earlier)}."
            )
        paragraphs.append(f"Ridge {ridge}: {' '.join(sentences)}")
    paragraphs.append(
        "Why: the first step of a rule that divides by the gradient's own size is as large for a "
        "tiny gradient as for a large one, in every coordinate. Along an axis that leads away from "
        "the ridge at once. Across the axes the larger gradient, along the ridge, sets the sizes: "
        "at 30° the two coordinates are scaled differently, and the step leaves the ridge whatever "
        "the distance was; at 45° both gradients are alike, so the scaled step points along the "
        "ridge too, and the distance can only grow from what it was, as with plain SGD, at another "
        "rate. Where only the sign counts (Lion, Rprop) it points along the ridge and nowhere else "
        "as long as the gradient along the ridge is the larger one: so close to the ridge, they "
        "stay for ever. One rate for all does not mean the same to all: a longer wait may be a "
        "smaller step."
    )
    return paragraphs


def _are(titles: list[str]) -> str:
    return "is" if len(titles) == 1 else "are"
