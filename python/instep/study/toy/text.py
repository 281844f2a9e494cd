"""What is seen on the cubic, in words that follow from the numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from instep.study.report.words import listed, markdown_table, number, spoken
from instep.study.toy.outcomes import AFTER_PUSH, LASTING, LR, TOLERANCE
from instep.study.toy.repetition import CYCLE, LIMIT, SMALL_CHANGE, UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.arrays import Doubles
    from instep.study.toy.outcomes import Outcome

FAR = 1e-6
"""A distance, or a way that is gone, that is no rounding error."""

HOW = {
    SMALL_CHANGE: "small change",
    UNCHANGED: "x repeated",
    CYCLE: "cycle",
    LIMIT: "not ended",
}


def describe(outcomes: Sequence[Outcome], starts: Doubles) -> str:
    """Return the report."""
    return "\n\n".join(
        (_problem(starts, outcomes[0].record.iterations), _table(outcomes), *_seen(outcomes))
    )


def _problem(starts: Doubles, iterations: int) -> str:
    return (
        "Minimise f(x) = x³ − 3x² + 4, with f′(x) = 3x² − 6x, a maximum at 0 and a minimum at 2, "
        f"from {len(starts)} random points of (0, 1): {listed(f'{x:.4f}' for x in starts)}. In "
        f"float64, each optimizer with step size {LR} and else its defaults (momentum: 0.9; "
        "AMSGrad in the form of Reddi et al. 2018, without bias correction); Adadelta also with "
        "its own default, 1.\n\n"
        "A search ends when x and the optimizer's state are bit for bit what they were before "
        "(x unchanged, or a cycle, found by Brent's algorithm), or when a step changes x by less "
        f"than {number(TOLERANCE)} of itself. To see what comes after, every optimizer runs on to "
        f"iteration {iterations:,}. Then x is pushed to the next larger float64 (by at most "
        f"4.4·10⁻¹⁶) and followed for {AFTER_PUSH:,} more iterations."
    )


def _table(outcomes: Sequence[Outcome]) -> str:
    columns = (
        "optimizer",
        "iterations (median)",
        "ended by (starts)",
        "largest distance from 2 there",
        "at rest since (latest)",
        f"largest distance in the last {1 - LASTING:.0%}",
        "largest distance after the push, from rest",
    )
    return markdown_table(columns, (_row(found) for found in outcomes))


def _row(found: Outcome) -> tuple[str, ...]:
    ways = Counter(HOW[ending.how] for ending in found.endings)
    resting = [rest for rest in found.rests if rest is not None]
    moving = len(found.rests) - len(resting)
    rest = f"{max(resting):,}" if resting else "never"
    return (
        found.title,
        f"{found.median:,}" if found.ended else f"> {found.median:,}",
        ", ".join(f"{way} ({count})" for way, count in ways.items()),
        number(found.at_ending.max()),
        f"{rest} ({moving} never)" if resting and moving else rest,
        number(found.lasting.max()),
        number(found.pushed.max()) if found.pushed.size else "–",
    )


def _seen(outcomes: Sequence[Outcome]) -> list[str]:
    return [
        "**What is seen.**",
        _speed(outcomes),
        _conditions(outcomes),
        *_deceived(outcomes),
        _moving(outcomes),
        _pushed(outcomes),
    ]


def _speed(outcomes: Sequence[Outcome]) -> str:
    ranked = sorted((found for found in outcomes if found.ended), key=lambda found: found.median)
    first, last = ranked[0], ranked[-1]
    endless = [spoken(found.title) for found in outcomes if not found.ended]
    not_ended = f" From some starts {listed(endless)} did not end." if endless else ""
    return (
        f"{spoken(first.title)} ends first, after {first.median:,} iterations (median), "
        f"{spoken(last.title)} last, after {last.median:,}. In order: "
        f"{listed(spoken(found.title) for found in ranked)}.{not_ended}"
    )


def _conditions(outcomes: Sequence[Outcome]) -> str:
    ways = Counter(ending.how for found in outcomes for ending in found.endings)
    ended = [found for found in outcomes if found.ended]
    worst = max(ended, key=lambda found: float(found.at_ending.max()))
    return (
        f"Of {ways.total()} searches, {ways[SMALL_CHANGE]} ended by a change of less than "
        f"{number(TOLERANCE)}, {ways[UNCHANGED]} because x repeated, {ways[CYCLE]} in a cycle; "
        f"{ways[LIMIT]} did not end. A small change says nothing exact about the distance that is "
        f"left: at the ends it is up to {number(worst.at_ending.max())} ({spoken(worst.title)}). A "
        "slow method has small steps long before it arrives, and one with momentum has one "
        "wherever it turns."
    )


def _deceived(outcomes: Sequence[Outcome]) -> list[str]:
    left = {
        found.title: (int((found.farthest_after > FAR).sum()), float(found.farthest_after.max()))
        for found in outcomes
        if (found.farthest_after > FAR).any()
    }
    if not left:
        return []
    which = listed(
        f"{spoken(title)} ({count} of the starts, by up to {number(farthest)})"
        for title, (count, farthest) in left.items()
    )
    return [
        f"The end was no end for {which}: going on, x moved away again by more than {number(FAR)}."
    ]


def _moving(outcomes: Sequence[Outcome]) -> str:
    resting = [found for found in outcomes if not found.moving]
    exact = [spoken(found.title) for found in resting if found.lasting.max() == 0]
    near = [_with(found, found.distances[-1]) for found in resting if found.lasting.max() > 0]
    sentences = []
    if exact:
        sentences.append(
            f"Left to run, {listed(exact)} reach exactly 2, where the gradient is exactly 0 in "
            "float64, from every start, and stay."
        )
    if near:
        sentences.append(
            f"As near to 2 as is given in brackets, where a step is less than half the spacing of "
            f"float64 and changes nothing, stop {listed(near)}."
        )
    sentences += [_restless(found) for found in outcomes if found.moving]
    return " ".join(sentences)


def _restless(found: Outcome) -> str:
    subject = f"{spoken(found.title)} moves on from {found.moving} of {len(found.rests)} starts"
    if found.approaching:
        return f"{subject}, still towards 2."
    periods = sorted({int(period) for period in found.record.periods if period})
    cycles = (
        f"in cycles of {listed(map(str, periods))} iterations"
        if periods
        else ("without ever coming back to an earlier state that Brent's algorithm would have seen")
    )
    return (
        f"{subject} for as long as we look: over the last tenth x is up to "
        f"{number(found.lasting.max())} away, {found.lasting.max() / LR:.2g} times the step size, "
        f"{cycles}."
    )


def _pushed(outcomes: Sequence[Outcome]) -> str:
    rested = [found for found in outcomes if found.pushed.size]
    thrown = [_with(found, found.pushed) for found in rested if found.pushed.max() > FAR]
    kept = [spoken(found.title) for found in rested if found.pushed.max() <= FAR]
    sentences = []
    if thrown:
        sentences.append(
            "The push tells a rest that lasts from one that hangs by a thread. It throws "
            f"{listed(thrown)} away from 2, as far as is given in brackets. While x rests at an "
            "exact 0 of the gradient, the running mean of squared gradients decays, and dividing "
            "by its root makes a large step of the smallest gradient."
        )
    if kept:
        sentences.append(f"Within {number(FAR)} stay {listed(kept)}.")
    return " ".join(sentences)


def _with(found: Outcome, distances: Doubles) -> str:
    return f"{spoken(found.title)} ({number(distances.max())})"
