"""Slices that nobody trained for."""

from __future__ import annotations

import math

import numpy as np

from instep.study.handwriting.training import TrainingRun
from instep.study.loss_surface.slices import Slice
from instep.study.optimizers import OPTIMIZERS


def made_up(name: str, losses: np.ndarray, accuracy: float = 0.9) -> Slice:
    outcome = TrainingRun(
        OPTIMIZERS[name],
        lr=0.25,
        losses=[1.0],
        accuracies=[0.1, accuracy],
        steps_per_epoch=1,
        weights={"weight": np.full((2, 2), 2.0, np.float32)},
        live_units=(1.0,),
        seconds=1.0,
        reference_seconds=1.0,
    )
    side = np.linspace(-1, 1, len(losses))
    middle = len(losses) // 2
    return Slice(outcome, float(losses[middle, middle]), side, losses, side, losses[middle])


BOWL = np.add.outer(np.linspace(-1, 1, 5) ** 2, np.linspace(-1, 1, 5) ** 2) + 0.125
SURFACES = {
    "bowl": BOWL,
    "flat": np.full((5, 5), 2.5),
    "steep": BOWL * 1e30,
    "deep": BOWL * 1e-30,
    "infinite outside": np.where(BOWL > 1, math.inf, BOWL),
    "nowhere a number": np.full((5, 5), math.nan),
}
