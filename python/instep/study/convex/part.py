"""Convex problems: those on which Adam goes to the worst point, and one for means and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.convex import effective_rates, experiment, pictures, schedules, text, theorem
from instep.study.convex.effective_rates import GRADIENTS, SHOWN, by_period, middles
from instep.study.convex.experiment import PERIODIC
from instep.study.report.findings import Curves, Findings
from instep.study.report.iterations import logarithmic_marks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from instep.study.arrays import Doubles
    from instep.study.convex.experiment import Result
    from instep.study.convex.online_linear import Course
    from instep.study.convex.schedules import Trainings
    from instep.study.progress import Progress
    from instep.study.report.iterations import Iterations


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Play their experiment and their theorem's sequence, and hold schedules against means."""
    quick = settings.quick
    periods = 400 if quick else 9901
    at = experiment.marks(periods)
    results = experiment.play_all(settings.seed, periods, progress)

    adam, amsgrad = effective_rates.effective_rates(np.tile(GRADIENTS, 30 if quick else 2000))
    rates = {"Adam": adam, "AMSGrad": amsgrad}
    forget = np.geomspace(0.5, 1e-5, 13 if quick else 61)
    drifts = effective_rates.drifts(forget)

    steps = 3_000 if quick else 300_000
    marks = theorem.marks(steps)
    courses = theorem.play_all(theorem.SLOPES, steps, progress)

    trainings = schedules.train_all(settings.seed, 2_000 if quick else 20_000, progress)
    return Findings(
        "\n\n".join(
            (
                text.SOURCE,
                text.describe_experiment(results, at),
                text.describe_why(rates, forget, drifts),
                text.describe_theorem(courses, steps),
                text.describe_schedules(trainings),
            )
        ),
        [
            pictures.draw_games(results, at),
            pictures.draw_learning_rates(results, at),
            pictures.draw_effective_rates(rates),
            pictures.draw_drifts(forget, drifts),
            pictures.draw_theorem(courses, marks),
            pictures.draw_schedules(trainings),
        ],
        [
            _experiment_curves(results, at),
            _rate_curves(rates),
            _drift_curves(forget, drifts),
            _theorem_curves(courses, marks),
            _schedule_curves(trainings),
        ],
    )


def _experiment_curves(results: Sequence[Result], at: Iterations) -> Curves:
    curves = Curves(
        "experiment", "optimizer", "rate", "game", "run", "iteration", "x", "average regret"
    )
    for result in results:
        # Every point of all runs would be many times the numbers for the same picture.
        thin = slice(None) if result.game == PERIODIC else slice(None, None, -4)
        for column, (x, regret) in enumerate(zip(result.x.T, result.regret.T, strict=True)):
            identity = result.title, result.rate, result.game, column
            curves.add(*identity, at[thin][::-1], x[thin][::-1], regret[thin][::-1])
    return curves


def _rate_curves(rates: Mapping[str, Doubles]) -> Curves:
    curves = Curves("effective-rates", "optimizer", "curve", "iteration", "rate")
    for title, rate in rates.items():
        curves.add(title, "each iteration", np.arange(len(rate))[SHOWN] + 1, rate[SHOWN])
        periods = by_period(rate)
        thin = logarithmic_marks(len(periods)) - 1
        at = middles(len(periods))[thin]
        curves.add(title, "lowest of a period", at, periods.min(axis=1)[thin])
        curves.add(title, "highest of a period", at, periods.max(axis=1)[thin])
    return curves


def _drift_curves(forget: Doubles, drifts: Mapping[str, Sequence[float]]) -> Curves:
    curves = Curves("drift", "optimizer", "1 - beta2", "drift of a period in alphas")
    for title, values in drifts.items():
        curves.add(title, forget, values)
    return curves


def _theorem_curves(courses: Mapping[str, Course], marks: Iterations) -> Curves:
    curves = Curves("theorem", "optimizer", "C", "iteration", "x", "average regret")
    for title, course in courses.items():
        for index, slope in enumerate(theorem.SLOPES):
            values = course.x[marks - 1, index, 0], course.regret[marks - 1, index, 0]
            curves.add(title, slope, marks, *values)
    return curves


def _schedule_curves(trainings: Trainings) -> Curves:
    curves = Curves("schedules", "optimizer", "length", "rate", "example", "loss above the least")
    for title, by_length in trainings.items():
        for length, training in by_length.items():
            for rate, losses in zip(schedules.RATES, training.losses, strict=True):
                curves.add(title, length, rate, training.marks, losses)
    return curves
