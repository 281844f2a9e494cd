"""Pictures of descent: floors, rates that fall, gradient norms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from instep.study.descent.plans import bound
from instep.study.report.findings import Picture
from instep.study.report.styles import STYLES, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from instep.study.descent.least_squares import LeastSquares
    from instep.study.descent.plans import MeasuredDescent, Stationarity

BLUE = "#2040FF"
"""No optimizer's: for what was computed and not run."""


def draw_batches(descents: Sequence[MeasuredDescent]) -> Picture:
    """Draw errors against gradient evaluations, with the expected floors."""
    figure, axes = _figure()
    for one in descents:
        colour, line = one.plan.look
        axes.plot(
            one.evaluations[1:], one.errors[1:], color=colour, linestyle=line, label=one.plan.title
        )
        if one.plan.floor is not None:
            axes.axhline(one.plan.floor, color=colour, linestyle=":", linewidth=1)
    axes.plot([], [], color="grey", linestyle=":", linewidth=1, label="floor, computed")
    axes.set(xlabel="gradients of single examples evaluated", ylabel="f(w) − min f")
    axes.set_ylim(bottom=1e-7)
    axes.legend(loc="lower left")
    return Picture(
        "batches",
        figure,
        "The error against the work. Steps by single examples and small batches are ahead at "
        "first and stall at the floors (dotted) that theory gives; steps by all examples begin "
        "late and do not stall. Mean over runs.",
    )


def draw_schedules(problem: LeastSquares, descents: Sequence[MeasuredDescent]) -> Picture:
    """Draw errors against steps, with the exact asymptote of rates that fall as 2c*/t."""
    figure, axes = _figure()
    for one in descents:
        colour, line = one.plan.look
        # The two forms nearly coincide.
        width = 4 if "first form" in one.plan.title else 1.5
        axes.plot(
            *(one.steps[1:], one.errors[1:]),
            color=colour,
            linestyle=line,
            linewidth=width,
            label=one.plan.title,
        )
        if one.plan.floor is not None:
            axes.axhline(one.plan.floor, color=colour, linestyle=":", linewidth=1)
    last = descents[0].steps[-1]
    times = np.geomspace(last / 1000, 3 * last, 2)
    limit = problem.asymptote(2 * problem.critical_c()) / times
    axes.plot(times, limit, color=BLUE, linestyle=":", label="∝ 1/t, computed for 2c*")
    axes.set(xlabel="steps t, one example each", ylabel="f(w) − min f")
    axes.legend(loc="lower left")
    return Picture(
        "schedules",
        figure,
        "A constant rate stalls at its floor (dotted, orange). Search-then-converge schedules go "
        "on: with c above c* = 1/(2λ) towards the line ∝ 1/t that theory gives (dotted, blue), "
        "with a smaller c more slowly. Mean over runs.",
    )


def draw_stationarity(stationarities: Sequence[Stationarity]) -> Picture:
    """Draw least and mean squared gradient norms against T, and log T / √T."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, what in zip(panels, ("least", "mean"), strict=True):
        for one in stationarities:
            look: dict[str, Any] = _look(one.title)
            axes.plot(one.times, getattr(one, what), **look)
        first = stationarities[0]
        shown = first.times[first.times >= 10]
        scale = getattr(first, what)[-1] / bound(first.times)[-1]
        axes.plot(
            shown, scale * bound(shown), color="grey", linestyle=":", lw=2, label="∝ log T / √T"
        )
        axes.set(xscale="log", yscale="log", xlabel="steps T", title=f"{what} of t ≤ T")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("‖∇f‖², mean over runs")
    panels[0].legend(loc="lower left")
    return Picture(
        "gradient-norms",
        figure,
        "Squared gradient norms on the non-convex problem. The grey line, through the last value "
        "of AMSGrad, has the shape of Chen et al.'s bound.",
    )


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.set(xscale="log", yscale="log")
    axes.grid(alpha=0.3)
    return figure, axes


def _look(title: str) -> dict[str, Any]:
    if title == "AMSGrad, constant rate":
        return {"color": STYLES["AMSGrad"][0], "linestyle": "--", "label": title}
    return {**style(title), "label": f"{title}, ∝ 1/√t"}
