"""The optimizers that the study compares, the six of them paired with the reference's functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import instep
from instep import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from instep.study.arrays import Singles

MOMENTUM = 0.9


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """An optimizer at its default hyperparameters, and the reference's call for the same step.

    `lr` is a learning rate at which it trains the network on the digits well. `states` names the
    arrays that the optimizer keeps, `options` what the reference needs to be told.
    """

    title: str
    lr: float
    optimizer: Callable[..., instep.Optimizer]
    reference: Callable[..., None]
    states: tuple[str, ...] = ()
    options: Mapping[str, float] = field(default_factory=dict)

    def reference_step(
        self,
        params: Sequence[Singles],
        grads: Sequence[Singles],
        states: Mapping[str, Sequence[Singles]],
        *,
        step: int,
        lr: float,
    ) -> None:
        """Step `params` and `states`, each a sequence of arrays, by the reference."""
        arrays = {ARGUMENTS.get(name, name): states[name] for name in self.states}
        self.reference(params, grads, **arrays, step=step, lr=lr, **self.options)


ARGUMENTS = {"sum": "state_sum"}
"""States that the reference calls otherwise than the optimizer, which has torch's names."""

OPTIMIZERS = {
    "adam": Pairing(
        title="Adam",
        lr=1e-3,
        optimizer=instep.Adam,
        reference=reference.adam_step,
        states=("exp_avg", "exp_avg_sq"),
    ),
    "amsgrad": Pairing(
        title="AMSGrad",
        lr=1e-3,
        optimizer=instep.AMSGrad,
        reference=reference.adam_step,
        states=("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
        options={"bias_correction": False},
    ),
    "rmsprop": Pairing(
        title="RMSprop",
        lr=1e-3,
        optimizer=instep.RMSprop,
        reference=reference.rmsprop_step,
        states=("square_avg",),
    ),
    "adagrad": Pairing(
        title="Adagrad",
        lr=1e-2,
        optimizer=instep.Adagrad,
        reference=reference.adagrad_step,
        states=("sum",),
    ),
    "adadelta": Pairing(
        title="Adadelta",
        lr=1.0,
        optimizer=instep.Adadelta,
        reference=reference.adadelta_step,
        states=("square_avg", "acc_delta"),
    ),
    "sgd": Pairing(
        title="SGD",
        lr=1e-1,
        optimizer=instep.SGD,
        reference=reference.sgd_step,
    ),
}

ABLATIONS = {
    "adam-beta1-0": Pairing(
        title="Adam, β₁ = 0",
        lr=1e-3,
        optimizer=partial(instep.Adam, betas=(0.0, 0.999)),
        reference=reference.adam_step,
        states=("exp_avg", "exp_avg_sq"),
        options={"beta1": 0.0},
    ),
    "rmsprop-momentum": Pairing(
        title="RMSprop, momentum",
        lr=1e-4,
        optimizer=partial(instep.RMSprop, momentum=MOMENTUM),
        reference=reference.rmsprop_step,
        states=("square_avg", "momentum_buffer"),
        options={"momentum": MOMENTUM},
    ),
}
"""Adam without its momentum and RMSprop with one: what momentum does, and what it does not."""

VARIANTS: dict[str, Callable[..., instep.Optimizer]] = {
    **{pairing.title: pairing.optimizer for pairing in OPTIMIZERS.values()},
    "SGD, momentum": partial(instep.SGD, momentum=MOMENTUM),
    "RMSprop, momentum": partial(instep.RMSprop, momentum=MOMENTUM),
}
"""The six, and two of them with momentum, by their titles. Call with parameters and ``lr``."""


def at_one_rate(lr: float) -> dict[str, Callable[..., instep.Optimizer]]:
    """Return all at the rate `lr`, and Adadelta, which hardly moves there, at its own as well."""
    return {
        **{title: partial(optimizer, lr=lr) for title, optimizer in VARIANTS.items()},
        "Adadelta, lr = 1": partial(instep.Adadelta, lr=1.0),
    }
