"""Slices of the loss around the points that the optimizers find."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from instep.study.handwriting import data, network
from instep.study.handwriting.training import choose_schedule, train
from instep.study.loss_surface import pictures, text
from instep.study.loss_surface.filter_directions import normalise, random_direction
from instep.study.loss_surface.slices import Slice, losses_around
from instep.study.optimizers import OPTIMIZERS
from instep.study.report.findings import Curves, Findings

if TYPE_CHECKING:
    import argparse

    from instep.study.arrays import Singles
    from instep.study.progress import Bar, Progress

BATCH_SIZE = 256
STEPS, QUICK_STEPS = 300, 45
IMAGES, QUICK_IMAGES = 1000, 500
REACH = 1.0
SIDE, QUICK_SIDE = 25, 9
"""Points along a side of the square: odd, so that the centre is one of them."""

ALONG, QUICK_ALONG = 81, 21


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Train with each optimizer, then look around where it ended."""
    quick = settings.quick
    digits = data.load(settings.data, settings.seed)
    # Of a small data set the batch is a tenth.
    batch_size = max(1, min(BATCH_SIZE, len(digits.train) // 10))
    steps = QUICK_STEPS if quick else STEPS
    schedule = choose_schedule(digits, batch_size, settings.seed, epochs=None, steps=steps)
    seen = digits.train[: QUICK_IMAGES if quick else IMAGES]
    _, height, width, _ = digits.train.images.shape
    initial = network.initial_weights(height, width, settings.seed)
    generator = np.random.default_rng([settings.seed, 1])
    directions = [random_direction(initial, generator) for _ in range(2)]
    square = np.linspace(-REACH, REACH, QUICK_SIDE if quick else SIDE)
    line = np.linspace(-REACH, REACH, QUICK_ALONG if quick else ALONG)

    def loss(weights: dict[str, Singles]) -> float:
        return network.loss(weights, seen)

    slices = []
    trained = schedule.epochs * schedule.steps_per_epoch(digits)
    for pairing in OPTIMIZERS.values():
        bar = progress.bar(pairing.title, trained + square.size**2 + line.size)

        def note(_: float, accuracy: float, bar: Bar = bar) -> None:
            bar.advance(1, f"accuracy {accuracy:.1%}")

        outcome = train(pairing, pairing.lr, initial, digits, network, schedule, note)
        first, second = (normalise(direction, outcome.weights) for direction in directions)
        here = partial(losses_around, loss, outcome.weights, first, second, advance=bar.advance)
        slices.append(
            Slice(
                outcome,
                loss(outcome.weights),
                square,
                here(square, square),
                line,
                here(line, np.zeros(1))[0],
            )
        )
    return Findings(
        text.describe(slices, digits, schedule, network.ARCHITECTURE, len(seen)),
        [pictures.draw_squares(slices), pictures.draw_lines(slices)],
        _curves(slices),
    )


def _curves(slices: list[Slice]) -> list[Curves]:
    squares = Curves("squares", "optimizer", "along first", "along second", "loss")
    lines = Curves("lines", "optimizer", "along first", "loss")
    for found in slices:
        title = found.outcome.pairing.title
        right, up = np.meshgrid(found.square, found.square)
        squares.add(title, right.ravel(), up.ravel(), found.losses.ravel())
        lines.add(title, found.line, found.losses_on_line)
    return [squares, lines]
