"""Runs that nobody trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.digits.arguments import CONTENDERS
from instep.study.digits.text import describe
from instep.study.handwriting.data import Digits, LabelledImages
from instep.study.handwriting.training import Schedule, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Sequence

GOOD, BAD = [2.5, 1.0, 0.5, 0.25], [2.5, 2.31, 2.3, 2.32]


def outcome(
    name: str,
    losses: Sequence[float] = GOOD,
    *,
    lr: float = 0.25,
    live_units: tuple[float, ...] = (1.0, 0.5, 0.25),
    accuracy: float = 0.987,
) -> TrainingRun:
    """Return a run of two epochs of two steps."""
    return TrainingRun(
        CONTENDERS[name],
        lr=lr,
        losses=list(losses),
        accuracies=[0.1, 0.5, accuracy],
        steps_per_epoch=2,
        weights={},
        live_units=live_units,
        seconds=0.5,
        reference_seconds=2.0,
    )


def report(*outcomes: TrainingRun) -> str:
    part = LabelledImages(np.zeros((1234, 8, 8, 1), np.float32), np.zeros(1234, np.int32))
    made_up = Digits("made-up digits", part, part[:99])
    text = describe(outcomes, made_up, Schedule(2, 617, 0), "A network")
    return " ".join(text.replace("\n\n", "\n").split("\n"))
