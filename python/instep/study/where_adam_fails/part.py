"""Where Adam fails: linear models that can fit their data, and features that are seen once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.report.findings import Curves, Findings
from instep.study.where_adam_fails import pictures, text
from instep.study.where_adam_fails.linear_problems import problems
from instep.study.where_adam_fails.linear_training import OPTIMIZERS, RATES, LinearRuns, train_all
from instep.study.where_adam_fails.unique_features import draw_labels, fit_all

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from instep.study.progress import Progress
    from instep.study.where_adam_fails.unique_features import Fit

MARGINS = (0.01, 0.05, 0.1, 0.5)


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Train linear models on all problems, and fit Wilson et al.'s data."""
    epochs, draws, margins = (5, 1, MARGINS[-2:]) if settings.quick else (50, 3, MARGINS)
    drawn = [
        problems(np.random.default_rng([settings.seed, number]), margins) for number in range(draws)
    ]
    bar = progress.bar("where-adam-fails", len(drawn[0]) * (len(OPTIMIZERS) * len(RATES) + 1))
    outcomes = {
        same[0].name: train_all(same, epochs, settings.seed, bar)
        for same in zip(*drawn, strict=True)
    }
    labels = draw_labels(50, np.random.default_rng(settings.seed))
    fits = fit_all(labels, 300 if settings.quick else 3000, settings.seed)

    names = list(outcomes)
    return Findings(
        f"{text.describe_linear_models(outcomes, epochs, draws)}\n\n"
        f"{text.describe_unique_features(fits, len(labels))}",
        [
            pictures.draw_margins({name: outcomes[name] for name in names[: 2 * len(margins)]}),
            pictures.draw_data({name: outcomes[name] for name in names[2 * len(margins) :]}),
            pictures.draw_step_sizes(outcomes),
            pictures.draw_unique_features(fits),
        ],
        [*_linear_curves(outcomes), _fit_curves(fits)],
    )


def _linear_curves(outcomes: dict[str, LinearRuns]) -> tuple[Curves, Curves]:
    training = Curves(
        "training", "problem", "optimizer", "rate", "epoch", "training loss", "test accuracy"
    )
    steps = Curves("step-sizes", "problem", "step", "step size")
    for name, by_optimizer in outcomes.items():
        for title, runs in by_optimizer.items():
            for rate, one in runs.items():
                epochs = np.arange(len(one.losses))
                searched = "searched" if rate is None else rate
                training.add(name, title, searched, epochs, one.losses, one.accuracies)
                if rate is None:
                    sizes = one.step_sizes
                    steps.add(name, np.arange(1, len(sizes) + 1), sizes)
    return training, steps


def _fit_curves(fits: Sequence[Fit]) -> Curves:
    rows = Curves(
        *("unique-features", "optimizer", "examples for a gradient", "steps"),
        *("training loss", "score of a new positive example", "score of a new negative example"),
    )
    for one in fits:
        values = (one.losses, one.positive_scores, one.negative_scores)
        rows.add(one.title, one.gradients, one.shown, *(value[one.shown] for value in values))
    return rows
