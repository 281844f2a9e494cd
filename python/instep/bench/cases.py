"""What is measured: update rules, and the arrays that they step."""

from __future__ import annotations

import inspect
import itertools
import math
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

import instep
from instep import _core, reference
from instep.optimizers import class_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Array | list[Array]
"""What an optimizer takes as its parameters or gradients: one array or many."""

NEW_GRADIENTS = 16
"""Gradient buffers of the cases whose steps never meet the buffer of the step before."""

DISTINCT = 1 << 16
"""Numbers after which an array repeats itself: drawing is slow, and their variety costs no time."""

DTYPES = ("float32", "float64")

GRADIENTS: Mapping[str, int] = MappingProxyType({"same": 1, "new": NEW_GRADIENTS})
"""Gradient buffers that the steps take in turn: the one again and again, or another each step."""


def _rows(array: Array) -> Array:
    """Return the numbers as the left part of the rows of a wider matrix."""
    rows, columns = _matrix(array).shape
    wide = np.zeros((rows, columns + max(1, columns // 4)), array.dtype)
    wide[:, :columns] = _matrix(array)
    return wide[:, :columns]


def _matrix(array: Array) -> Array:
    """Return the numbers as a matrix as near to a square as their count allows."""
    rows = next(n for n in range(math.isqrt(array.size), 0, -1) if array.size % n == 0)
    return array.reshape(rows, -1)


@dataclass(frozen=True)
class Layout:
    """How numbers, given as a contiguous array, lie in memory as a parameter or a gradient."""

    param: Callable[[Array], Array]
    grad: Callable[[Array], Array]


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "contiguous": Layout(np.copy, np.copy),
        "strided": Layout(lambda a: np.repeat(a, 2)[::2], lambda a: np.repeat(a, 2)[::2]),
        "rows": Layout(_rows, _rows),
        # Such as a layer's weights that are kept transposed, and a gradient that is not.
        "transposed": Layout(lambda a: _matrix(a).T.copy().T, lambda a: _matrix(a).copy()),
    }
)

NUMBERS: Mapping[str, Callable[[np.dtype[Any]], float]] = MappingProxyType(
    {
        "normal": lambda _: 1.0,
        # Their squares, and so the second moments, are subnormal.
        "subnormal": lambda dtype: float(np.sqrt(np.finfo(dtype).smallest_normal)) / 16,
    }
)
"""The size of gradients, by what it makes of an optimizer's states."""


@dataclass(frozen=True)
class Rule:
    """An optimizer with the options that decide which arrays it steps through."""

    name: str
    optimizer: type[instep.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> Callable[..., None]:
        """The function of `instep.reference` that has this rule."""
        function: Callable[..., None] = getattr(reference, f"{self.optimizer._rule}_step")
        return function

    @cached_property
    def counts_steps(self) -> bool:
        """Whether the reference takes the number of the step."""
        return "step" in inspect.signature(self.reference).parameters

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the state arrays of a parameter."""
        return tuple(name for name in self._state_dict["state"][0] if name != "step")

    @cached_property
    def roots(self) -> int:
        """Square roots for each element: those that the reference takes of its arrays."""
        states = self.reference_states(lambda: np.ones(1))
        number = {"step": 1} if self.counts_steps else {}
        with patch.object(np, "sqrt", wraps=np.sqrt) as sqrt:
            self.reference(np.ones(1), np.ones(1), **states, **self.reference_options, **number)
        return sqrt.call_count

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter of the optimizer, defaults included."""
        group = self._state_dict["param_groups"][0]
        return {name: value for name, value in group.items() if name != "params"}

    @cached_property
    def reference_options(self) -> dict[str, Any]:
        """The options with which the reference steps as the optimizer does."""
        given = dict(self.hyperparameters)
        if "betas" in given:
            given["beta1"], given["beta2"] = given.pop("betas")
        accepted = inspect.signature(self.reference).parameters
        return {name: value for name, value in given.items() if name in accepted}

    def reference_states(self, make: Callable[[], Arrays]) -> dict[str, Arrays]:
        """Return new states, each of them made by `make`, by the names of the arguments."""
        return {"state_sum" if name == "sum" else name: make() for name in self.states}

    @cached_property
    def _state_dict(self) -> dict[str, Any]:
        optimizer = self.optimizer(np.ones(1), **self.options)
        optimizer.step(np.ones(1))
        return optimizer.state_dict()


VARIANTS = (
    Rule("sgd-momentum", instep.SGD, {"momentum": 0.9}),
    Rule("sgd-nesterov", instep.SGD, {"momentum": 0.9, "nesterov": True}),
    Rule("adamw", instep.AdamW),
    Rule("amsgrad", instep.Adam, {"amsgrad": True}),
    Rule("rmsprop-momentum", instep.RMSprop, {"momentum": 0.9}),
    Rule("rmsprop-centered", instep.RMSprop, {"centered": True}),
)
"""What is measured of a rule beside its class at the defaults."""

RULES = tuple(
    rule
    for name in _core.rules()
    for rule in (
        Rule(name, class_of(name)),
        *(variant for variant in VARIANTS if variant.optimizer._rule == name),
    )
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
    numbers: str = "normal"
    """How large the gradients are: a key of `NUMBERS`."""
    threads: int | None = None
    """Most threads of a step; None: all that there are."""

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
        """The parameters' sizes, for people."""
        size = f"{self.sizes[0]:,}"
        if len(set(self.sizes)) > 1:
            return f"{self.elements:,} in {len(self.sizes)}"
        return f"{len(self.sizes)} × {size}" if len(self.sizes) > 1 else size

    @property
    def kind(self) -> str:
        """What the case is apart from sizes, for people: rule, dtype, and what is out of the way.

        Cases of one kind stand side by side in a table and on one line of a picture.
        """
        parts = [self.rule.name, self.dtype]
        if self.layout != "contiguous":
            parts.append(self.layout)
        if self.numbers != "normal":
            parts.append(f"{self.numbers} states")
        if self.gradient_buffers > 1:
            parts.append("new gradients")
        if self.threads is not None:
            parts.append(f"{self.threads} thread{'s' if self.threads > 1 else ''}")
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"{self.kind}: {self.shape}"

    def arrays(self) -> tuple[Arrays, list[Arrays]]:
        """Return new parameters and the gradients to take in turn; each call the same numbers."""
        # No gradient is zero, so no state decays into subnormal numbers unless that is asked for.
        random = np.random.default_rng(0)
        layout = LAYOUTS[self.layout]
        scale = NUMBERS[self.numbers](np.dtype(self.dtype))

        def draw(place: Callable[[Array], Array], scale: float) -> Arrays:
            arrays = []
            for size in self.sizes:
                numbers = random.standard_normal(min(size, DISTINCT)) * scale
                arrays.append(place(np.resize(numbers.astype(self.dtype), size)))
            return arrays[0] if len(arrays) == 1 else arrays

        return draw(layout.param, 1.0), [
            draw(layout.grad, scale) for _ in range(self.gradient_buffers)
        ]


def table(
    sizes: Iterable[tuple[int, ...]],
    rules: Iterable[Rule] = RULES,
    dtypes: Iterable[str] = DTYPES,
    layouts: Iterable[str] = ("contiguous",),
    numbers: Iterable[str] = ("normal",),
    gradients: Iterable[str] = ("same",),
    threads: Iterable[int | None] = (None,),
) -> Iterator[Case]:
    """Yield every combination of the given lists; the cases of one kind follow each other."""
    for rule, dtype, layout, scale, buffers, cap, each in itertools.product(
        rules, dtypes, layouts, numbers, gradients, threads, sizes
    ):
        yield Case(rule, dtype, each, layout, GRADIENTS[buffers], scale, cap)
