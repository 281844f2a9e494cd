"""The cases of all rules: a step function with the states that are passed to it and its options."""

import inspect
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from instep import _core, reference
from instep.optimizers import class_of
from tests.optimizers import DESCRIPTIONS

Array: TypeAlias = NDArray[Any]
Arguments: TypeAlias = dict[str, Any]
"""Arrays by the name of their argument: "param", "grad" and each state (or sequences of them)."""

DTYPES: tuple[np.dtype[Any], ...] = (np.dtype(np.float32), np.dtype(np.float64))

HALVES: tuple[np.dtype[Any], ...] = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
"""Types in 16 bits, in which gradients may come."""

FROM_ZERO = frozenset(name for each in DESCRIPTIONS.values() for name in each.from_zero)
"""The states that hold squares or magnitudes, so that only values from 0 on are reached."""


@dataclass(frozen=True)
class Case:
    """A step function with the states that are passed to it and its options."""

    rule: str
    states: tuple[str, ...]
    options: Mapping[str, Any]

    def __str__(self) -> str:
        options = (f"{name}={value}" for name, value in self.options.items())
        return "-".join([self.rule, *self.states, *options])

    def step(self, implementation: ModuleType, arrays: Arguments, number: int = 1) -> None:
        """Take step `number` with `instep.functional` or `instep.reference`.

        Scalars that are not among the arrays are new ones, with which no later step goes on.
        """
        given = {**new_scalars(self.rule, arrays["param"]), **arrays}
        getattr(implementation, f"{self.rule}_step")(**given, step=number, **self.options)

    def shape_of(self, name: str, shape: int | tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of an array of the case where the parameter has this one.

        Where such a parameter has not the states of the case, it is that of one of as many elements
        that has.
        """
        shape = (shape,) if isinstance(shape, int) else shape
        if any(state_shape(self.rule, state, shape) is None for state in self.states):
            size = math.prod(shape)
            shape = (size,) if len(shape) > 1 else (size // math.gcd(size, 10), math.gcd(size, 10))
        own = state_shape(self.rule, name, shape) if name in self.states else shape
        assert own is not None
        return own

    def is_reduced(self, name: str) -> bool:
        """Tell whether an array is a state that has fewer numbers than its parameter."""
        return name in self.states and is_reduced(self.rule, name)

    def random_arrays(
        self, shape: int | tuple[int, ...], dtype: np.dtype[Any], seed: int = 0
    ) -> Arguments:
        """Return arrays as they may stand in the middle of a training."""
        rng = np.random.default_rng(seed)
        arrays = {}
        for name in ("param", "grad", *self.states):
            values = rng.standard_normal(self.shape_of(name, shape))
            arrays[name] = np.asarray(values**2 if name in FROM_ZERO else values, dtype)
        return arrays


def new_scalars(rule: str, params: Array | Sequence[Array]) -> Arguments:
    """Return the scalars of a parameter, or of each of several, before the first step."""
    initial = DESCRIPTIONS[rule].scalars
    if not isinstance(params, np.ndarray) and isinstance(params, Sequence):
        return {name: [np.array(float(each)) for _ in params] for name, each in initial.items()}
    return {name: np.array(float(each)) for name, each in initial.items()}


def state_shape(rule: str, name: str, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape of a state, by the name of its argument or torch's, of such a parameter.

    None where such a parameter has no such state.
    """
    return class_of(rule)._rule.state_shape(state_name(rule, name), shape)


def is_reduced(rule: str, name: str) -> bool:
    """Tell whether a state has fewer numbers than its parameter, and so never 16 bits."""
    return state_name(rule, name) in class_of(rule)._rule.reduced_states


def state_name(rule: str, name: str) -> str:
    """Return torch's name of a state that may be called by that of its argument."""
    states = _core.rules()[rule][1]
    return name if name in states else states[arrays_and_options(rule)[0].index(name) - 2]


def parameters_of(rule: str) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a rule's step function, by name."""
    return inspect.signature(getattr(reference, f"{rule}_step")).parameters


def arrays_and_options(rule: str) -> tuple[list[str], list[str]]:
    """Return which parameters of a step function are of its shape, and which are options."""
    arrays, options = [], []
    for parameter in parameters_of(rule).values():
        if parameter.name in DESCRIPTIONS[rule].scalars:
            continue
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            arrays.append(parameter.name)
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "step":
            options.append(parameter.name)
    return arrays, options


CASES = tuple(
    Case(rule, states, options)
    for rule, description in DESCRIPTIONS.items()
    for states, options in description.cases
)

FEW_CONDITIONS: tuple[dict[str, Any], ...] = (
    {"grad_scale": 3.0},
    {"clip_value": 0.3},
    {"clip_norm": 0.5},
    {"grad_scale": 0.3, "clip_value": 0.2, "clip_norm": 0.7},
    {"grad_scale": 2.0**-20, "nonfinite": "raise"},
)
"""What is done to gradients, where it is enough to see that it is."""

FEW_CASES = tuple(
    max(cases, key=lambda case: len(case.options))
    for _, cases in itertools.groupby(
        sorted(CASES, key=lambda case: (case.rule, case.states)),
        key=lambda case: (case.rule, case.states),
    )
)
"""For each rule and each set of its states, the case with most options."""

ROW_CASES = tuple(case for case in FEW_CASES if DESCRIPTIONS[case.rule].takes_rows)
"""Those of them that take gradients of rows."""
