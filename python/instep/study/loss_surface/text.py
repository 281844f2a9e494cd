"""What is told of the loss around the points that were found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.report.words import listed, markdown_table, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.handwriting.data import Digits
    from instep.study.handwriting.training import Schedule
    from instep.study.loss_surface.slices import Slice

RISE = 0.5

METHOD = """\
{architecture}, on handwritten digits ({source}): trained by each optimizer from the same weights
with the same batches ({epochs} epochs of {train:,} images, batches of {batch}), each at a learning
rate that suits it. Then the loss on the first {seen:,} training images is looked at around the
point where each ended, as by Li, Xu, Taylor, Studer and Goldstein ("Visualizing the Loss
Landscape of Neural Nets", NeurIPS 2018):

f(α, β) = loss(θ + α d₁ + β d₂), with d_ij scaled to ‖θ_ij‖ filter by filter

(i: layer; j: output channel or neuron). The two directions are drawn once, from the standard normal
distribution, and only their scales differ from optimizer to optimizer: networks with ReLU compute
the same when a filter grows and the next layer shrinks, and an unscaled direction would take small
weights for sharp minima. Biases stay where they are."""

CAUTION = """\
A plane of two random directions in a space of {dimensions:,} shows an average of the directions; a
narrow one may well be missed. And {count} points, one run each, are an observation and no law."""


def describe(
    slices: Sequence[Slice], digits: Digits, schedule: Schedule, architecture: str, seen: int
) -> str:
    """Return the report in Markdown."""
    method = METHOD.format(
        architecture=architecture,
        source=digits.source,
        epochs=schedule.epochs,
        train=len(digits.train),
        batch=schedule.batch_size,
        seen=seen,
    )
    caution = CAUTION.format(
        dimensions=sum(array.size for array in slices[0].outcome.weights.values()),
        count=len(slices),
    )
    return "\n\n".join([method, table(slices), widths(slices), caution])


def table(slices: Sequence[Slice]) -> str:
    """Return a row for each optimizer."""
    rows = [
        (
            found.outcome.pairing.title,
            f"{found.outcome.lr:g}",
            significant(found.centre),
            f"{found.outcome.accuracy:.1%}",
            significant(length(found)),
            significant(float(np.median(edge(found)))),
            f"{found.share_within(RISE):.1%}",
        )
        for found in slices
    ]
    columns = (
        *("optimizer", "rate", "loss at the centre", "test accuracy", "‖θ‖"),
        *("median loss on the edge", f"square up to {RISE} above the centre"),
    )
    return markdown_table(columns, rows)


def length(found: Slice) -> float:
    """Return the Euclidean norm of all weights and biases."""
    return float(np.sqrt(sum(np.square(a).sum() for a in found.outcome.weights.values())))


def edge(found: Slice) -> np.ndarray:
    """Return the losses on the four sides of the square."""
    inner = np.zeros(found.losses.shape, bool)
    inner[1:-1, 1:-1] = True
    return found.losses[~inner]


def widths(slices: Sequence[Slice]) -> str:
    """Put the basins in order and hold the order against that of the accuracies."""
    shares = [found.share_within(RISE) for found in slices]
    order = np.argsort(shares, kind="stable")[::-1]
    places = listed(f"{slices[at].outcome.pairing.title} ({shares[at]:.1%})" for at in order)
    correlation = rank_correlation(shares, [found.outcome.accuracy for found in slices])
    drops = {
        found.outcome.pairing.title: found.centre - found.losses.min()
        for found in slices
        if found.losses.min() < found.centre
    }
    inside = (
        f"Somewhere in the square the loss is lower than at the centre for {listed(drops)}, by "
        f"{significant(max(drops.values()))} at most."
        if drops
        else "Nowhere in a square is the loss lower than at its centre."
    )
    return (
        f"From the widest basin (share of the square with a loss of at most {RISE} above that of "
        "the centre) to the "
        f"narrowest: {places}. The rank correlation of the width with the test accuracy is "
        f"{correlation:.2f} (Spearman; 1: the wider the better, −1: the narrower the better). "
        f"{inside}"
    )


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's coefficient, equal values sharing their mean rank; NaN if all are equal."""
    ranks = np.array([mean_ranks(values) for values in (first, second)])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(centred).sum(axis=1).prod())
    return float(centred.prod(axis=0).sum() / scale) if scale else float("nan")


def mean_ranks(values: Sequence[float]) -> np.ndarray:
    """Return the rank of each value from 0; equal ones get the mean of their ranks."""
    array = np.asarray(values)
    below = (array[:, np.newaxis] > array).sum(axis=1)
    equal = (array[:, np.newaxis] == array).sum(axis=1)
    ranks: np.ndarray = below + (equal - 1) / 2
    return ranks
