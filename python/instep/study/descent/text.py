"""What is told of descent, written from the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.descent.plans import ALPHA, RATE, TIMESCALE, bound, log_log_slope
from instep.study.report.words import markdown_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.descent.least_squares import LeastSquares
    from instep.study.descent.plans import MeasuredDescent, Stationarity


def describe(
    problem: LeastSquares,
    by_batch: Sequence[MeasuredDescent],
    by_schedule: Sequence[MeasuredDescent],
    stationarities: Sequence[Stationarity],
    runs: int,
) -> str:
    """Return what was done and what came of it."""
    return "\n\n".join(
        (
            _least_squares_told(problem, runs),
            _batch_table(by_batch),
            _batches_seen(by_batch),
            _schedules_told(problem),
            _schedule_table(problem, by_schedule),
            _schedules_seen(by_schedule),
            NON_CONVEX,
            _stationarity_table(stationarities),
            _stationarity_seen(stationarities),
        )
    )


def _least_squares_told(problem: LeastSquares, runs: int) -> str:
    count, width = problem.features.shape
    values = np.linalg.eigvalsh(problem.hessian)
    return (
        f"### Least squares\n\nMinimised is f(w) = ½ mean (xᵢᵀw − yᵢ)² over {count} examples in "
        f"{width} dimensions, from w = 0; the Hessian's eigenvalues go from λ = {values[0]:.3g} to "
        f"L = {values[-1]:.3g}, and yᵢ has noise of variance 1, so that no w fits all examples. "
        "Examples of a batch are drawn independently. Errors f(w) − min f are means over "
        f"{runs} runs, taken at numbers of steps that are even on a logarithmic axis. The floor of "
        "a constant rate is the expected error in the long run: ½ tr(HΣ), where the covariance of "
        "w obeys Σ = E[(I − ηA) Σ (I − ηA)] + η²S/b for batches of b with Hessian A, and S is the "
        "covariance of a single example's gradient."
    )


def _schedules_told(problem: LeastSquares) -> str:
    return (
        "Search-then-converge schedules (Darken, Chang, Moody 1992) have the first form η₀ / "
        "(1 + t/τ), which ends as η₀τ/t, or the second, which ends as c/t whatever η₀ and τ. Here "
        f"η₀ = {RATE:g}; in the second form, which keeps to η₀ for some √τ steps, τ is "
        f"{TIMESCALE:,} with the larger c and 1,000 with the smaller. The error falls as 1/t where "
        f"c is above c* = 1/(2λ) = {problem.critical_c():.3g}, and as the power −c/c* of t where "
        "it is below."
    )


NON_CONVEX = f"""\
### A non-convex problem

Minimised is the mean of ρ(xᵢᵀw − yᵢ) with Geman and McClure's ρ(r) = ½ r² / (1 + (r/3)²) over 300 \
examples in 10 dimensions, three of ten off by ±10, by gradients of single examples, 10 runs from \
w ~ N(0, I). Chen, Liu, Sun and Hong (2019, "On the Convergence of A Class of Adam-Type Algorithms \
for Non-Convex Optimization") prove that with rates α/√t the least expected ‖∇f‖² of T steps of \
AMSGrad is O(log T / √T). Here α = {ALPHA:g} for AMSGrad and Adam and {3 * ALPHA:g} for SGD; the \
constant rate is {ALPHA / 10:g}."""


def _batch_table(descents: Sequence[MeasuredDescent]) -> str:
    evaluations = min(descents, key=lambda one: one.evaluations[-1]).evaluations[-1]
    early = evaluations // 10
    return markdown_table(
        (
            "",
            f"error after {early:,}",
            f"after {evaluations:,} evaluations",
            "mean of the last half",
            "floor",
        ),
        (
            (
                one.plan.title,
                f"{_at(one, early):.2g}",
                f"{_at(one, evaluations):.2g}",
                "" if one.plan.floor is None else f"{one.settled:.3g}",
                "none" if one.plan.floor is None else f"{one.plan.floor:.3g}",
            )
            for one in descents
        ),
    )


def _at(one: MeasuredDescent, evaluations: int) -> float:
    return float(one.errors[one.evaluations <= evaluations][-1])


def _batches_seen(descents: Sequence[MeasuredDescent]) -> str:
    first = descents[0]
    ends = [one.errors[-1] for one in descents]
    sentences = []
    for one in descents[1:]:
        assert one.plan.floor is not None
        off = one.settled / one.plan.floor - 1
        sentences.append(f"{one.plan.title}: {off:+.0%}")
    ahead = [one for one in descents[1:] if _at(one, 5000) < _at(first, 5000)]
    return (
        f"After 5,000 evaluations {len(ahead)} of {len(descents) - 1} stochastic ones are ahead "
        f"of the batch; at the end the lowest error is that of "
        f"{descents[int(np.argmin(ends))].plan.title}. Mean of the last half against theory: "
        f"{'; '.join(sentences)}."
    )


def _schedule_table(problem: LeastSquares, descents: Sequence[MeasuredDescent]) -> str:
    limit = problem.asymptote(2 * problem.critical_c()) / descents[0].steps[-1]
    rows = []
    for one in descents:
        expected = {0.0: one.plan.floor, -1.0: limit}.get(one.plan.slope or 0.0)
        rows.append(
            (
                one.plan.title,
                f"{one.errors[-1]:.3g}",
                "" if expected is None else f"{expected:.3g}",
                f"{one.slope:.2f}",
                f"{one.plan.slope:g}",
            )
        )
    steps = f"{descents[0].steps[-1]:,}"
    columns = (f"error after {steps} steps", "in the limit", "slope of the last tenfold", "limit")
    return markdown_table(("", *columns), rows)


def _schedules_seen(descents: Sequence[MeasuredDescent]) -> str:
    constant, *falling = descents
    return "\n".join(
        f"- {one.plan.title}: the error ends at 1/{constant.settled / one.errors[-1]:.3g} of where "
        "the constant rate settles."
        for one in falling
    )


def _stationarity_table(stationarities: Sequence[Stationarity]) -> str:
    times = stationarities[0].times
    expected = f"{log_log_slope(times, bound(times)):.2f}"
    rows = [
        (
            one.title,
            f"{one.least[-1]:.2g}",
            f"{log_log_slope(one.times, one.least):.2f}",
            f"{one.mean[-1]:.2g}",
            f"{log_log_slope(one.times, one.mean):.2f}",
        )
        for one in stationarities
    ]
    rows.append(("log T / √T", "", expected, "", expected))
    columns = ("least ‖∇f‖²", "slope, last tenfold", "mean ‖∇f‖²", "slope, last tenfold")
    return markdown_table((f"T = {times[-1]:,}", *columns), rows)


def _stationarity_seen(stationarities: Sequence[Stationarity]) -> str:
    amsgrad = stationarities[0]
    expected = log_log_slope(amsgrad.times, bound(amsgrad.times))
    slopes = {
        "least": log_log_slope(amsgrad.times, amsgrad.least),
        "mean": log_log_slope(amsgrad.times, amsgrad.mean),
    }
    told = [
        f"the {what} falls {'at least as fast as' if slope <= expected else 'more slowly than'} "
        f"log T / √T over the last tenfold ({slope:.2f} against {expected:.2f})"
        for what, slope in slopes.items()
    ]
    constant = stationarities[1]
    ratio = constant.mean[-1] / amsgrad.mean[-1]
    return (
        f"AMSGrad with α/√t: {'; '.join(told)}. With the constant rate the mean ends "
        f"{ratio:.2g} times as high. An upper bound does not say that it is reached."
    )
