"""The field: other libraries' steps, one file each; what is not installed is left out."""

from __future__ import annotations

import importlib
from importlib import metadata
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from instep.bench.contenders import Contender

PEERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "numpy_out": (),
        "torch": ("torch",),
        "deepspeed": ("deepspeed", "torch"),
        "optax": ("optax", "jax"),
        "pytorch_optimizer": ("pytorch-optimizer", "torch"),
        "numba": ("numba",),
        "thinc": ("thinc",),
        "sklearn": ("scikit-learn",),
    }
)
"""The modules of this package, each with its `CONTENDERS`, and the packages that these measure."""

ALWAYS = tuple(name for name, packages in PEERS.items() if not packages)
"""Peers that need nothing but NumPy, and so take part whether named or not."""


def load(names: Iterable[str], storage: bool = False) -> tuple[list[Contender], dict[str, str]]:
    """Return the contenders of the named peers, and why any of them is left out.

    With `storage`, also those that store in 16 bits.
    """
    contenders: list[Contender] = []
    skipped = {}
    for name in names:
        try:
            module = importlib.import_module(f"{__name__}.{name}")
        except ImportError as error:
            skipped[name] = f"{error.name or name} is not installed"
        else:
            contenders += module.CONTENDERS
            contenders += getattr(module, "IN_16_BITS", ()) if storage else ()
    return contenders, skipped


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of the packages that the named peers measure."""
    packages = dict.fromkeys(package for name in names for package in PEERS[name])
    return {package: metadata.version(package) for package in packages}
