"""The update rules that are measured."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

import instep
from instep import _core, reference
from instep.bench.arrays import matrix, table, vector
from instep.optimizers import class_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from instep.bench.arrays import Arrays

LATE = 1000
"""The number of a step that is as most are: the first ones of RAdam take no root."""


@dataclass(frozen=True)
class Rule:
    """An optimizer with the options that decide which arrays it steps through."""

    name: str
    optimizer: type[instep.Optimizer]
    reference: Callable[..., None]
    """The function of `instep.reference` that has this rule."""
    options: Mapping[str, Any] = field(default_factory=dict)
    read_before: int = 0
    """How many of parameter, gradient and states are read once more, or twice, before the step."""
    shape: Callable[[int], tuple[int, ...]] = vector
    """The shape of a parameter of so many elements."""

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the states that are as large as their parameter."""
        states = self._state_dict["state"][0]
        reduced = self.optimizer._rule.reduced_states
        arrays = (name for name in states if isinstance(states[name], np.ndarray))
        return tuple(name for name in arrays if name not in reduced)

    @cached_property
    def roots(self) -> int:
        """Square roots for each element: those that the reference takes of its arrays."""
        if self.optimizer._rule.reduced_states:
            return 0  # theirs are of rows and columns
        states = self.reference_states(np.ones(1))
        with patch.object(np, "sqrt", wraps=np.sqrt) as sqrt:
            scalars = self.new_scalars(np.ones(1))
            self.reference(
                np.ones(1), np.ones(1), **states, **scalars, step=LATE, **self.reference_options
            )
        return sqrt.call_count

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter of the optimizer, defaults included."""
        group = self._state_dict["param_groups"][0]
        return {name: group[name] for name in self.optimizer._rule.hyperparameters}

    @cached_property
    def flat_hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter as one number: beta1 and beta2 in the place of betas."""
        return self.optimizer._rule.parts(self.hyperparameters)

    @cached_property
    def reference_options(self) -> dict[str, Any]:
        """The options with which the reference steps as the optimizer does."""
        return self.optimizer._rule.step_options(self.hyperparameters)

    def reference_states(self, params: Arrays) -> dict[str, Any]:
        """Return new states of a parameter, or of each of a list, by the names of the arguments."""
        rule, values = self.optimizer._rule, self.hyperparameters
        if isinstance(params, list):
            return rule.step_states({**rule.first_states_of_all(params, values)})
        return rule.step_states({**rule.first_states(params, values)})

    def new_scalars(self, params: Arrays) -> dict[str, Arrays]:
        """Return the scalars of a parameter, or of each of a list, before the first step."""
        rule = self.optimizer._rule
        initial = zip(rule.scalars, rule.initial_scalars(self.hyperparameters), strict=True)
        return {
            name: [np.array(each) for _ in params] if isinstance(params, list) else np.array(each)
            for name, each in initial
        }

    @cached_property
    def _state_dict(self) -> dict[str, Any]:
        one = np.ones(self.shape(1))
        optimizer = self.optimizer(one, **self.options)
        optimizer.step(one.copy())
        return optimizer.state_dict()


VARIANTS: Mapping[str, Mapping[str, tuple[type[instep.Optimizer], Mapping[str, Any]]]] = {
    "sgd": {
        "sgd-momentum": (instep.SGD, {"momentum": 0.9}),
        "sgd-nesterov": (instep.SGD, {"momentum": 0.9, "nesterov": True}),
    },
    "adam": {
        "adamw": (instep.AdamW, {}),
        "amsgrad": (instep.Adam, {"amsgrad": True}),
    },
    "lars": {
        "lars-adapted": (instep.LARS, {"momentum": 0.9, "always_adapt": True}),
    },
    "rmsprop": {
        "rmsprop-momentum": (instep.RMSprop, {"momentum": 0.9}),
        "rmsprop-centered": (instep.RMSprop, {"centered": True}),
    },
}
"""What is measured of a rule of the core beside its class at the defaults."""


READ_BEFORE: Mapping[str, int] = {"adafactor": 3, "lamb": 4, "lars-adapted": 2}
"""How many arrays are read for norms: the parameter and the gradient, then the states.

Adafactor reads the gradient for its sums, too.
"""

SHAPES: Mapping[str, Callable[[int], tuple[int, ...]]] = {
    "adafactor": matrix,
    "rowwise_adagrad": table,
}
"""The rules whose parameters are no vectors."""


def _measured(rule: str) -> Iterator[Rule]:
    function = getattr(reference, f"{rule}_step")
    named = {rule: (class_of(rule), {}), **VARIANTS.get(rule, {})}
    for name, (optimizer, options) in named.items():
        before, shape = READ_BEFORE.get(name, 0), SHAPES.get(name, vector)
        yield Rule(name, optimizer, function, options, before, shape)


RULES = tuple(itertools.chain.from_iterable(map(_measured, _core.rules())))
