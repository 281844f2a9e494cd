"""Rare and frequent features: what Adagrad was made for (Duchi, Hazan & Singer), and FTRL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.report.findings import Curves, Findings
from instep.study.sparse import pictures, text
from instep.study.sparse.bags_of_words import WEIGHTS, digits, errors_by_occurrences, power_law
from instep.study.sparse.exact_zeros import STRENGTHS, learn_sparsely
from instep.study.sparse.learning import LEARNERS, learn

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from instep.study.progress import Progress
    from instep.study.sparse.bags_of_words import SparseProblem
    from instep.study.sparse.exact_zeros import Sparsity
    from instep.study.sparse.learning import SparseRun


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Learn every problem with every optimizer."""
    runs, sparsities = [], []
    for problem in problems(settings.seed, quick=settings.quick):
        bar = progress.bar(f"sparse: {problem.title}", len(problem.stream) * (len(LEARNERS) + 1))
        for learner in LEARNERS:
            bar.advance(0, learner.title)
            runs.append(learn(problem, learner, bar))
        (adagrad,) = (run for run in runs[-len(LEARNERS) :] if run.learner.title == "Adagrad")
        bar.advance(0, "FTRL")
        sparsities.append(learn_sparsely(adagrad, bar))
    return Findings(
        f"{text.describe(runs)}\n\n{text.describe_zeros(sparsities)}",
        [
            pictures.draw_learning(runs),
            pictures.draw_features(runs),
            pictures.draw_rates(runs),
            pictures.draw_zeros(sparsities),
        ],
        [*_curves(runs), _zeros(sparsities)],
    )


def problems(seed: int, *, quick: bool) -> list[SparseProblem]:
    """Return the three drawn problems and the real one."""
    *drawn, real = np.random.default_rng(seed).spawn(len(WEIGHTS) + 1)
    examples, held_out = (3000, 1000) if quick else (40_000, 4000)
    return [
        *(
            power_law(title, rng, examples, held_out)
            for title, rng in zip(WEIGHTS, drawn, strict=True)
        ),
        digits(real),
    ]


def _curves(runs: Sequence[SparseRun]) -> list[Curves]:
    losses = Curves("held-out", "problem", "optimizer", "rate", "example", "held-out loss")
    rates = Curves("rates", "problem", "optimizer", "rate", "online loss", "held-out loss")
    errors = Curves("features", "problem", "optimizer", "occurrences", "error of weights")
    for run in runs:
        identity = run.problem.title, run.learner.title
        grid = run.learner.rates
        losses.add(*identity, grid[run.best], run.marks, run.held_out[run.best])
        rates.add(*identity, grid, run.online, run.held_out[:, -1])
        if run.problem.weights is not None:
            errors.add(*identity, *errors_by_occurrences(run.problem, run.weights[run.best]))
    return [losses, rates, errors]


def _zeros(sparsities: Sequence[Sparsity]) -> Curves:
    curves = Curves(
        *("zeros", "problem", "l1", "weights that are not 0"),
        *("online loss", "held-out loss", "Adagrad's held-out loss with as many"),
    )
    for each in sparsities:
        losses = each.online, each.held_out, each.cut
        curves.add(each.problem.title, STRENGTHS, each.kept, *losses)
    return curves
