"""What there is to say of a rule: states and options, classes, the paper's formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Options: TypeAlias = dict[str, Any]
Floats: TypeAlias = dict[str, float]
StatesAndOptions: TypeAlias = tuple[tuple[str, ...], Options]
"""The names of the states that are passed to a step function, and its options."""

Decay: TypeAlias = Literal["coupled", "decoupled", "own"]
"""A part of the gradient, a factor of the parameter, or what the rule's formula says itself."""

DECAYS: tuple[Options, ...] = ({}, {"weight_decay": 0.1})


@dataclass(frozen=True)
class Optimizer:
    """A class that steps by the rule."""

    variants: Sequence[Options] = ({},)
    """Keyword arguments that tests make it with."""
    constants: Options = field(default_factory=dict)
    """What it passes to the step function in every case."""


@dataclass(frozen=True)
class Description:
    """A rule, as the tests know it."""

    optimizers: Mapping[str, Optimizer]
    """Its classes by name."""
    cases: Sequence[StatesAndOptions]
    """What its step function is tested with: every state and option varies."""
    formula: Callable[[float, float, Floats, Floats, int], float]
    """The algorithm on one scalar as the paper or torch's documentation writes it.

    It takes the parameter and the gradient (sign and `decay` included), the states by name, which
    it changes, all options, and the number of the step, and returns the new parameter.
    """
    initial_states: Callable[[Mapping[str, Any]], dict[str, float]]
    """For a class's options, the states that exist by torch's names, and what they start at."""
    scalars: Options = field(default_factory=dict)
    """The numbers that a parameter has beside its step count, and what they start at."""
    begin_as_param: Sequence[str] = ()
    """The states that an optimizer makes its parameter before the first step."""
    from_zero: Sequence[str] = ()
    """The states that hold squares or magnitudes, so that only values from 0 on are reached."""
    takes_rows: bool = True
    """Whether it takes a gradient of rows: not where it depends on norms of a whole parameter."""
    off: Options = field(default_factory=dict)
    """Options beside sign that change nothing at these values; decay does not at 0, if not said."""
    decay: Decay = "coupled"
    """What `weight_decay` is, where no option `decoupled_weight_decay` makes it decoupled."""

    def decay_of(self, options: Mapping[str, Any]) -> Decay:
        """Return what `weight_decay` is with the options of a step function."""
        return "decoupled" if options.get("decoupled_weight_decay") else self.decay
