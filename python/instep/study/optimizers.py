"""The optimizers that the study compares, each paired with the reference's function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

import instep
from instep import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Array: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """An optimizer at its default hyperparameters, and the reference's call for the same step.

    `states` names the arrays that the optimizer keeps, in the order of the reference's arguments.
    """

    title: str
    colour: str
    lr: float
    optimizer: Callable[..., instep.Optimizer]
    reference: Callable[..., None]
    states: tuple[str, ...] = ()
    counts_steps: bool = True
    options: Mapping[str, bool] = field(default_factory=dict)

    def reference_step(
        self,
        params: Sequence[Array],
        grads: Sequence[Array],
        states: Sequence[Sequence[Array]],
        *,
        step: int,
        lr: float,
    ) -> None:
        """Step `params` and `states` (one sequence of arrays for each name) by the reference."""
        count = {"step": step} if self.counts_steps else {}
        self.reference(params, grads, *states, lr=lr, **count, **self.options)


# The colours are Okabe and Ito's, which colour-blind readers can tell apart.
OPTIMIZERS = {
    "adam": Pairing(
        title="Adam",
        colour="#0072B2",
        lr=1e-3,
        optimizer=instep.Adam,
        reference=reference.adam_step,
        states=("exp_avg", "exp_avg_sq"),
    ),
    "amsgrad": Pairing(
        title="AMSGrad",
        colour="#56B4E9",
        lr=1e-3,
        optimizer=instep.AMSGrad,
        reference=reference.adam_step,
        states=("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
        options={"bias_correction": False},
    ),
    "rmsprop": Pairing(
        title="RMSprop",
        colour="#009E73",
        lr=1e-3,
        optimizer=instep.RMSprop,
        reference=reference.rmsprop_step,
        states=("square_avg",),
        counts_steps=False,
    ),
    "adagrad": Pairing(
        title="Adagrad",
        colour="#E69F00",
        lr=1e-2,
        optimizer=instep.Adagrad,
        reference=reference.adagrad_step,
        states=("sum",),
    ),
    "adadelta": Pairing(
        title="Adadelta",
        colour="#CC79A7",
        lr=1.0,
        optimizer=instep.Adadelta,
        reference=reference.adadelta_step,
        states=("square_avg", "acc_delta"),
        counts_steps=False,
    ),
    "sgd": Pairing(
        title="SGD",
        colour="#D55E00",
        lr=1e-1,
        optimizer=instep.SGD,
        reference=reference.sgd_step,
    ),
}
