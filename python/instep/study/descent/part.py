"""Batch, stochastic and mini-batch descent, their noise floors, and rates that fall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.descent import least_squares, pictures, plans, robust_regression, text
from instep.study.descent.plans import MeasuredDescent, Stationarity
from instep.study.report.findings import Curves, Findings

if TYPE_CHECKING:
    import argparse

    from instep.study.progress import Progress


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Descend on a least-squares problem, then on a non-convex one."""
    evaluations, scheduled_steps, steps, runs = (
        (10_000, 5_000, 1_000, 5) if settings.quick else (100_000, 100_000, 100_000, 20)
    )
    squares = least_squares.draw(np.random.default_rng([settings.seed, 0]))
    robust = robust_regression.draw(np.random.default_rng([settings.seed, 1]))
    batches = plans.batch_plan(squares)
    schedules = plans.schedule_plan(squares)
    optimizers = plans.optimizer_plan()
    bar = progress.bar("descent", len(batches) + len(schedules) + len(optimizers))

    descents: list[MeasuredDescent] = []
    for plan in [*batches, *schedules]:
        cost = plan.batch_size or len(squares.targets)
        length = evaluations // cost if plan in batches else scheduled_steps
        taken, errors = least_squares.descend(
            squares,
            plan.rate,
            length,
            plan.batch_size,
            runs,
            np.random.default_rng([settings.seed, 2]),
        )
        descents.append(MeasuredDescent(plan, taken, taken * cost, errors))
        bar.advance(note=plan.title)
    by_batch, by_schedule = descents[: len(batches)], descents[len(batches) :]

    starts = np.random.default_rng([settings.seed, 3]).standard_normal(
        (10, robust.features.shape[1])
    )
    stationarities = []
    for title, make in optimizers.items():
        norms = robust_regression.squared_gradient_norms(
            robust, make, starts, steps, np.random.default_rng([settings.seed, 4])
        )
        stationarities.append(Stationarity.of(title, norms))
        bar.advance(note=title)

    return Findings(
        text.describe(squares, by_batch, by_schedule, stationarities, runs),
        [
            pictures.draw_batches(by_batch),
            pictures.draw_schedules(squares, by_schedule),
            pictures.draw_stationarity(stationarities),
        ],
        [_descent_curves(descents), _stationarity_curves(stationarities)],
    )


def _descent_curves(descents: list[MeasuredDescent]) -> Curves:
    curves = Curves("least-squares", "descent", "steps", "gradient evaluations", "error")
    for one in descents:
        curves.add(one.plan.title, one.steps, one.evaluations, one.errors)
    return curves


def _stationarity_curves(stationarities: list[Stationarity]) -> Curves:
    curves = Curves(
        *("gradient-norms", "optimizer", "T"),
        *("least squared gradient norm", "mean squared gradient norm"),
    )
    for one in stationarities:
        curves.add(one.title, one.times, one.least, one.mean)
    return curves
