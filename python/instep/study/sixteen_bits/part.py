"""Weights, states and copies in 16 bits: what rounding stops, and what training loses by it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from instep.study.handwriting import data, network
from instep.study.handwriting.training import choose_schedule
from instep.study.report.findings import Curves, Findings
from instep.study.sixteen_bits import pictures, standing_still, text
from instep.study.sixteen_bits.combinations import COMBINATIONS
from instep.study.sixteen_bits.training import train

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from instep.study.progress import Progress
    from instep.study.sixteen_bits.standing_still import Walk
    from instep.study.sixteen_bits.training import Run

BATCH_SIZE = 64
STEPS, QUICK_STEPS = 1000, 100
SEEDS, QUICK_SEEDS = 5, 2


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Let a weight and a mean stand still, then train with each combination from each seed."""
    weights = standing_still.weights(settings.seed)
    mean_squares = standing_still.mean_squares(settings.seed)
    digits = data.shipped_digits(settings.seed)
    schedule = choose_schedule(
        digits,
        BATCH_SIZE,
        settings.seed,
        epochs=None,
        steps=QUICK_STEPS if settings.quick else STEPS,
    )
    steps = schedule.epochs * schedule.steps_per_epoch(digits)
    seeds = range(settings.seed, settings.seed + (QUICK_SEEDS if settings.quick else SEEDS))
    runs = []
    for combination in COMBINATIONS:
        bar = progress.bar(f"{combination.subject} {combination.title}", len(seeds) * steps)
        runs += [train(combination, digits, replace(schedule, seed=seed), bar) for seed in seeds]
    return Findings(
        text.describe(weights, mean_squares, runs, digits, schedule, network.ARCHITECTURE),
        [
            pictures.draw_standing_still(weights, mean_squares),
            pictures.draw_losses(runs, digits.source),
        ],
        [_walks(weights, mean_squares), _curves(runs)],
    )


def _walks(weights: Sequence[Walk], mean_squares: Sequence[Walk]) -> Curves:
    curves = Curves("standing-still", "number", "stored", "step", "value")
    for number, walks in (("weight", weights), ("exp_avg_sq", mean_squares)):
        for walk in walks:
            curves.add(number, walk.title, range(len(walk.values)), walk.values)
    return curves


def _curves(runs: Sequence[Run]) -> Curves:
    curves = Curves("losses", "in 16 bits", "stored", "seed", "iteration", "loss")
    for each in runs:
        combination = each.combination
        stored = combination.subject, combination.title
        curves.add(*stored, each.seed, each.epoch_ends, each.losses)
    return curves
