"""What is told of standstill, and of training with what is stored in 16 bits."""

from __future__ import annotations

from statistics import fmean, median
from typing import TYPE_CHECKING

from instep.study.report.words import listed, markdown_table, significant
from instep.study.sixteen_bits.combinations import BASE, COMBINATIONS
from instep.study.sixteen_bits.training import LR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.handwriting.data import Digits
    from instep.study.handwriting.training import Schedule
    from instep.study.sixteen_bits.combinations import Combination
    from instep.study.sixteen_bits.standing_still import Walk
    from instep.study.sixteen_bits.training import Run

HEADS = ("in 16 bits", "stored", "bytes", "final loss", "× float32", "least", "most", "accuracy")


def describe(
    weights: Sequence[Walk],
    mean_squares: Sequence[Walk],
    runs: Sequence[Run],
    digits: Digits,
    schedule: Schedule,
    architecture: str,
) -> str:
    """Return the report in Markdown."""
    seeds = len({run.seed for run in runs})
    return f"""\
**Standstill.** A weight of 1 whose every step is to take 0.001 off it ends at {_ends(weights)}. A
mean of squares with β₂ = 0.999, whose gradients are 1 for a while and then 0.1, ends at
{_ends(mean_squares)}; 0.01 is right.

**Training.** {architecture}, on handwritten digits: {digits.source}, {len(digits.train):,} images
to train on, {len(digits.test):,} to test on, {schedule.epochs} epochs, batches of
{schedule.batch_size}, Adam with the learning rate {LR:g}. Each combination is trained from {seeds}
seeds, which give the initial weights, the batches and the random bits; weights that are stored in
bfloat16 begin as those of float32, rounded. The network computes in float32 with the weights, or
their copy, as they are stored, so that nothing else differs; gradients are rounded to the dtype of
these.

Bytes: those that a step reads and writes for an element. Final loss: that on all of the training
part, the median over the seeds. × float32: the ratio to the loss of float32 from the same seed, the
median, the least and the most. Accuracy: on the test part, the mean.

{table(runs)}"""


def _ends(walks: Sequence[Walk]) -> str:
    return listed(f"{walk.values[-1]:.3g} ({walk.title})".replace("-", "−") for walk in walks)


def table(runs: Sequence[Run]) -> str:
    """Return a row for each combination."""
    base = {run.seed: run.losses[-1] for run in runs if run.combination.title == BASE}
    return markdown_table(
        HEADS,
        [
            _row(combination, [run for run in runs if run.combination is combination], base)
            for combination in COMBINATIONS
        ],
    )


def _row(combination: Combination, runs: Sequence[Run], base: dict[int, float]) -> tuple[str, ...]:
    losses = [run.losses[-1] for run in runs]
    ratios = [run.losses[-1] / base[run.seed] for run in runs]
    return (
        combination.subject,
        combination.title,
        str(combination.bytes_per_element),
        significant(median(losses)),
        *(f"{ratio:,.2f}" for ratio in (median(ratios), min(ratios), max(ratios))),
        f"{fmean(run.accuracy for run in runs):.1%}",
    )
