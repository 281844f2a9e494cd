"""Which cases are measured where the arguments leave it open."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.bench.arrays import DTYPES
from instep.bench.cases import GRADIENTS, Case
from instep.bench.rules import RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class Preset:
    """Lists whose every combination is a case, and the time for each."""

    rules: Sequence[Rule] = RULES
    sizes: Sequence[tuple[int, ...]] = ((10,), (1_000,), (100_000,), (1_000_000,), (10_000_000,))
    dtypes: Sequence[str] = ("float32",)
    layouts: Sequence[str] = ("contiguous",)
    numbers: Sequence[str] = ("normal",)
    gradients: Sequence[str] = ("same",)
    threads: Sequence[int | None] = (None,)
    seconds_per_case: float = 0.5

    def cases(self) -> Iterator[Case]:
        """Yield every case; those of one kind follow each other."""
        for rule, dtype, layout, numbers, gradients, threads, sizes in itertools.product(
            self.rules,
            self.dtypes,
            self.layouts,
            self.numbers,
            self.gradients,
            self.threads,
            self.sizes,
        ):
            yield Case(rule, dtype, sizes, layout, GRADIENTS[gradients], numbers, threads)

    def in_words(self) -> dict[str, Any]:
        """Return the lists in types that JSON has."""
        return {**vars(self), "rules": [rule.name for rule in self.rules]}


def _named(*names: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if rule.name in names)


DEFAULT = Preset()

QUICK = Preset(
    rules=_named("sgd-momentum", "adam"),
    sizes=((10,), (1_000,), (100_000,), (1_000_000,)),
    seconds_per_case=0.25,
)

PROCESSES = Preset(
    rules=_named("adam"), sizes=((100_000,), (1_000_000,), (10_000_000,)), seconds_per_case=4.0
)
"""Of several processes, each of whose launches has one case after the other."""

FULL = Preset(
    sizes=(*((10**n,) for n in range(8)), (30_000_000,)),
    dtypes=DTYPES,
    seconds_per_case=1.0,
)
