"""In what form torch's classes keep what instep steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

import instep
from instep.interop.torch.groups import Group
from instep.rule import Rule


def scalar_dtype() -> torch.dtype:
    """Return the type in which torch's classes keep new counts and other numbers."""
    wide = torch.get_default_dtype() == torch.float64
    return torch.float64 if wide else torch.float32


def new_tensor_count() -> torch.Tensor | int:
    """Return a count of no steps as most of torch's classes keep it."""
    return torch.zeros((), dtype=scalar_dtype())


def accept_sparse(_: Group, __: str) -> None:
    """Take any sparse gradient: torch's step by it is instep's."""


@dataclass(frozen=True)
class Form:
    """What a class of ``torch.optim`` is to instep."""

    optimizer: type[instep.Optimizer]
    """The class that steps as it does."""
    new_count: Callable[[], torch.Tensor | int] | None = new_tensor_count
    """Makes the ``"step"`` of a new state; None where torch's state has none."""
    check_sparse: Callable[[Group, str], None] = accept_sparse
    """Raises ValueError where torch's step by a sparse gradient is another one than instep's.

    It takes the gradient's group and what messages call the gradient.
    """

    @property
    def rule(self) -> Rule:
        """The rule of that class."""
        return self.optimizer._rule
