"""A case: a rule, and the arrays that its steps are measured on."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from instep.bench.arrays import LAYOUTS, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from instep.bench.arrays import Array, Arrays
    from instep.bench.rules import Rule

NEW_GRADIENTS = 16
"""Gradient buffers of the cases whose steps never meet the buffer of the step before."""

DISTINCT = 1 << 16
"""Numbers after which an array repeats itself: drawing is slow, and their variety costs no time."""

GRADIENTS: Mapping[str, int] = MappingProxyType({"same": 1, "new": NEW_GRADIENTS})
"""Gradient buffers that the steps take in turn: the one again and again, or another each step."""


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

        The gradient is read; the parameter and each state of its shape are read and written. What
        norms and sums are taken of is read before.
        """
        passes = self.rule.read_before + 1 + 2 * (1 + len(self.rule.states))
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
                arrays.append(place(np.resize(numbers.astype(self.dtype), self.rule.shape(size))))
            return arrays[0] if len(arrays) == 1 else arrays

        return draw(layout.param, 1.0), [
            draw(layout.grad, scale) for _ in range(self.gradient_buffers)
        ]
