"""The field: other libraries' steps, one file each; what is not installed is left out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from instep.bench.contenders import Contender

PEERS = ("numpy_out", "torch", "deepspeed", "optax", "numba", "thinc", "sklearn")
"""The modules of this package, each with its `CONTENDERS`."""


def load(names: Iterable[str]) -> tuple[list[Contender], dict[str, str]]:
    """Return the contenders of the named peers, and why any of them is left out."""
    contenders: list[Contender] = []
    skipped = {}
    for name in names:
        try:
            module = importlib.import_module(f"{__name__}.{name}")
        except ImportError as error:
            skipped[name] = f"{error.name or name} is not installed"
        else:
            contenders += module.CONTENDERS
    return contenders, skipped
