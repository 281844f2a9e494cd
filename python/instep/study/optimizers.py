"""The optimizers that the study compares, paired with the reference's functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import instep
from instep import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from instep.study.arrays import Singles, State

MOMENTUM = 0.9


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """An optimizer, and the reference's call for the same step.

    `lr` is a learning rate at which it trains the network on the digits well, `options` what is not
    at its default.
    """

    title: str
    lr: float
    optimizer: type[instep.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self, params: Any, **options: Any) -> instep.Optimizer:
        """Return the optimizer of these parameters."""
        return self.optimizer(params, **self.options, **options)

    def reference_states(self, params: Sequence[Singles]) -> dict[str, list[Any]]:
        """Return the reference's states and scalars before the first step, by torch's names.

        None stands for a state that a parameter has not.
        """
        rule = self.optimizer._rule
        states: dict[str, list[Any]] = {**rule.first_states_of_all(params, self._values)}
        for name, value in zip(rule.scalars, rule.initial_scalars(self._values), strict=True):
            states[name] = [np.array(value) for _ in params]
        return states

    def reference_step(
        self,
        params: Sequence[Singles],
        grads: Sequence[Singles],
        states: Mapping[str, Sequence[State | None]],
        *,
        step: int,
        lr: float,
    ) -> None:
        """Step `params` and `states`, each a sequence of arrays, by the reference."""
        rule = self.optimizer._rule
        function = getattr(reference, f"{rule.name}_step")
        options = rule.step_options({**self._values, "lr": lr})
        function(params, grads, **rule.step_states(states), step=step, **options)

    @property
    def _values(self) -> dict[str, Any]:
        return {**self.optimizer._rule.defaults, **self.options}


OPTIMIZERS = {
    "adam": Pairing(title="Adam", lr=1e-3, optimizer=instep.Adam),
    "amsgrad": Pairing(title="AMSGrad", lr=1e-3, optimizer=instep.AMSGrad),
    "rmsprop": Pairing(title="RMSprop", lr=1e-3, optimizer=instep.RMSprop),
    "adagrad": Pairing(title="Adagrad", lr=1e-2, optimizer=instep.Adagrad),
    "adadelta": Pairing(title="Adadelta", lr=1.0, optimizer=instep.Adadelta),
    "sgd": Pairing(title="SGD", lr=1e-1, optimizer=instep.SGD),
}

ABLATIONS = {
    "adam-beta1-0": Pairing(
        title="Adam, β₁ = 0", lr=1e-3, optimizer=instep.Adam, options={"betas": (0.0, 0.999)}
    ),
    "rmsprop-momentum": Pairing(
        title="RMSprop, momentum",
        lr=1e-4,
        optimizer=instep.RMSprop,
        options={"momentum": MOMENTUM},
    ),
}
"""Adam without its momentum and RMSprop with one: what momentum does, and what it does not."""

RELATIVES = {
    "adabelief": Pairing(title="AdaBelief", lr=1e-3, optimizer=instep.AdaBelief),
    "adafactor": Pairing(title="Adafactor", lr=1e-1, optimizer=instep.Adafactor),
    "adamax": Pairing(title="Adamax", lr=1e-3, optimizer=instep.Adamax),
    "adan": Pairing(title="Adan", lr=1e-3, optimizer=instep.Adan),
    "ademamix": Pairing(title="AdEMAMix", lr=1e-3, optimizer=instep.AdEMAMix),
    "asgd": Pairing(title="ASGD", lr=1e-1, optimizer=instep.ASGD),
    "lamb": Pairing(title="LAMB", lr=1e-2, optimizer=instep.LAMB),
    "lars": Pairing(
        title="LARS",
        lr=1e-1,
        optimizer=instep.LARS,
        options={"momentum": MOMENTUM, "weight_decay": 1e-4, "trust_coeff": 0.02},
    ),
    "lion": Pairing(title="Lion", lr=3e-4, optimizer=instep.Lion),
    "nadam": Pairing(title="NAdam", lr=1e-3, optimizer=instep.NAdam),
    "radam": Pairing(title="RAdam", lr=1e-3, optimizer=instep.RAdam),
    "schedule-free-adamw": Pairing(
        title="ScheduleFreeAdamW", lr=2.5e-3, optimizer=instep.ScheduleFreeAdamW
    ),
    "schedule-free-sgd": Pairing(title="ScheduleFreeSGD", lr=1.0, optimizer=instep.ScheduleFreeSGD),
}
"""Others that suit a network and batches.

FTRL forgets the weights at which it begins, and Rprop is for gradients of all the data.
"""

VARIANTS: dict[str, Callable[..., instep.Optimizer]] = {
    **{pairing.title: pairing.make for pairing in OPTIMIZERS.values()},
    "SGD, momentum": partial(instep.SGD, momentum=MOMENTUM),
    "RMSprop, momentum": partial(instep.RMSprop, momentum=MOMENTUM),
}
"""The six, and two of them with momentum, by their titles. Call with parameters and ``lr``."""


BY_SIGN: dict[str, Callable[..., instep.Optimizer]] = {"Lion": instep.Lion, "Rprop": instep.Rprop}
"""Those that take of a gradient only its sign."""


def at_one_rate(
    lr: float, variants: Mapping[str, Callable[..., instep.Optimizer]] = VARIANTS
) -> dict[str, Callable[..., instep.Optimizer]]:
    """Return all at the rate `lr`, and Adadelta, which hardly moves there, at its own as well."""
    return {
        **{title: partial(optimizer, lr=lr) for title, optimizer in variants.items()},
        "Adadelta, lr = 1": partial(instep.Adadelta, lr=1.0),
    }
