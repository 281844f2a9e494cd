"""What is measured: update rules, and the arrays that they step."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import instep
from instep import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Array | list[Array]
"""What an optimizer takes as its parameters or gradients: one array or many."""

NEW_GRADIENTS = 16
"""Gradient buffers of the cases whose steps never meet the buffer of the step before."""

CALL_BOUND = 100
"""Elements below which a step costs a call, whatever the rule: gradient buffers matter here."""

SIZES = ((10,), (1_000,), (100_000,), (1_000_000,), (10_000_000,))

DTYPES = ("float32", "float64")

LAYOUTS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "contiguous": np.copy,
        "strided": lambda array: np.repeat(array, 2)[::2],
    }
)


@dataclass(frozen=True)
class Rule:
    """An optimizer with the options that decide which arrays it steps through."""

    name: str
    optimizer: Callable[..., instep.Optimizer]
    reference: Callable[..., None]
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the state arrays of a parameter."""
        return tuple(name for name in self._state_dict["state"][0] if name != "step")

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter of the optimizer, defaults included."""
        group = self._state_dict["param_groups"][0]
        return {name: value for name, value in group.items() if name != "params"}

    @cached_property
    def _state_dict(self) -> dict[str, Any]:
        optimizer = self.optimizer(np.ones(1), **self.options)
        optimizer.step(np.ones(1))
        return optimizer.state_dict()


RULES = (
    Rule("sgd", instep.SGD, reference.sgd_step),
    Rule("sgd-momentum", instep.SGD, reference.sgd_step, {"momentum": 0.9}),
    Rule("sgd-nesterov", instep.SGD, reference.sgd_step, {"momentum": 0.9, "nesterov": True}),
    Rule("adam", instep.Adam, reference.adam_step),
    Rule("adamw", instep.AdamW, reference.adam_step),
    Rule("amsgrad", instep.AMSGrad, reference.adam_step),
    Rule("rmsprop", instep.RMSprop, reference.rmsprop_step),
    Rule("rmsprop-momentum", instep.RMSprop, reference.rmsprop_step, {"momentum": 0.9}),
    Rule("rmsprop-centered", instep.RMSprop, reference.rmsprop_step, {"centered": True}),
    Rule("adagrad", instep.Adagrad, reference.adagrad_step),
    Rule("adadelta", instep.Adadelta, reference.adadelta_step),
)


@dataclass(frozen=True)
class Case:
    """A rule and the arrays that its steps are measured on."""

    rule: Rule
    dtype: str
    sizes: tuple[int, ...]
    """Elements of each parameter."""
    layout: str = "contiguous"
    """How parameters and gradients lie in memory: a key of `LAYOUTS`."""
    gradient_buffers: int = 1
    """Gradient buffers that the steps take in turn."""

    @property
    def elements(self) -> int:
        """Elements of all parameters together."""
        return sum(self.sizes)

    @property
    def bytes_moved(self) -> int:
        """Bytes that a step has to read and to write.

        The gradient is read; the parameter and each state are read and written.
        """
        passes = 1 + 2 * (1 + len(self.rule.states))
        return passes * self.elements * np.dtype(self.dtype).itemsize

    @property
    def bytes_held(self) -> int:
        """Bytes of the parameters, their states and all gradient buffers."""
        arrays = 1 + len(self.rule.states) + self.gradient_buffers
        return arrays * self.elements * np.dtype(self.dtype).itemsize

    @property
    def shape(self) -> str:
        """The parameters' sizes and layout, for people."""
        size = f"{self.sizes[0]:,}"
        if len(set(self.sizes)) > 1:
            size = f"{self.elements:,} in {len(self.sizes)}"
        elif len(self.sizes) > 1:
            size = f"{len(self.sizes)} × {size}"
        return size if self.layout == "contiguous" else f"{size} {self.layout}"

    def __str__(self) -> str:
        gradients = " new gradients" if self.gradient_buffers > 1 else ""
        return f"{self.rule.name} {self.dtype} {self.shape}{gradients}"

    def arrays(self) -> tuple[Arrays, list[Arrays]]:
        """Return new parameters and the gradients to take in turn; each call the same numbers."""
        # No gradient is zero, so no state decays into subnormal numbers, which are slower.
        random = np.random.default_rng(0)
        layout = LAYOUTS[self.layout]

        def draw() -> Arrays:
            arrays = [
                layout(random.standard_normal(size).astype(self.dtype)) for size in self.sizes
            ]
            return arrays[0] if len(arrays) == 1 else arrays

        return draw(), [draw() for _ in range(self.gradient_buffers)]


def table(
    rules: Iterable[Rule] = RULES,
    sizes: Iterable[tuple[int, ...]] = SIZES,
    dtypes: Iterable[str] = DTYPES,
    layouts: Iterable[str] = ("contiguous",),
) -> Iterator[Case]:
    """Yield every case of the given rules, sizes, dtypes and layouts."""
    for rule, dtype, layout, each in itertools.product(rules, dtypes, layouts, sizes):
        yield Case(rule, dtype, each, layout)
        if sum(each) < CALL_BOUND:
            yield Case(rule, dtype, each, layout, NEW_GRADIENTS)
