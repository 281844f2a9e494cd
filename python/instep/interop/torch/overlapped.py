"""What torch asks of an optimizer to overlap its steps with the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from instep.gradient_options import DEFAULTS
from instep.interop.torch.in_place import InPlace
from instep.interop.torch.shards import measuring_option


class Functional:
    """An optimizer that is given gradients, those of a bucket at a time: torch calls it functional.

    A subclass says of which class. A gradient that is None leaves its parameter alone, whatever
    ``param.grad`` is, which may be one that is still to be reduced.
    """

    _optimizer_class: ClassVar[type[InPlace]]

    def __init__(
        self, params: list[torch.Tensor], *, _allow_empty_param_list: bool = False, **options: Any
    ) -> None:
        # As a group, parameters may be none.
        make: Any = self._optimizer_class
        self._optimizer: InPlace = make([{"params": params}], **options)
        measuring = measuring_option(self._optimizer._gradient_options)
        if measuring is not None:
            raise ValueError(
                f"{measuring}: expected {DEFAULTS[measuring]!r} where steps overlap with the "
                f"backward pass, got {options[measuring]!r}; each step would decide by the "
                "gradients of a bucket"
            )

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of the optimizer."""
        return self._optimizer.param_groups

    @property
    def state(self) -> dict[torch.Tensor, Any]:
        """That of the optimizer."""
        return self._optimizer.state

    def state_dict(self) -> dict[str, Any]:
        """Return that of the optimizer."""
        return self._optimizer.state_dict()

    def step(self, gradients: Sequence[torch.Tensor | None]) -> None:
        """Step the parameters that have a gradient here."""
        (group,) = self.param_groups
        accumulated = [param.grad for param in group["params"]]
        try:
            for param, grad in zip(group["params"], gradients, strict=True):
                param.grad = grad
            self._optimizer.step()
        finally:
            for param, grad in zip(group["params"], accumulated, strict=True):
                param.grad = grad


def register_functional_optim(optimizer_class: type[torch.optim.Optimizer]) -> None:
    """Let ``ZeroRedundancyOptimizer`` overlap the steps of a class with the backward pass.

    It asks for a functional counterpart of its optimizer where ``overlap_with_ddp=True``, and looks
    for it among those that are registered with ``torch.distributed.optim``.

    Parameters
    ----------
    optimizer_class : type
        A class of this module. `clip_norm` and `nonfinite` are refused where steps overlap.

    Raises
    ------
    TypeError
        When it is no class of this module.

    Examples
    --------
    >>> import instep.interop.torch
    >>> from torch.distributed.optim.utils import functional_optim_map
    >>> instep.interop.torch.register_functional_optim(instep.interop.torch.AdamW)
    >>> instep.interop.torch.AdamW in functional_optim_map
    True
    """
    if not issubclass(optimizer_class, InPlace):
        raise TypeError(
            f"optimizer_class: expected a class of instep.interop.torch, got {optimizer_class!r}"
        )
    # Not before somebody asks for it: torch imports this with all that it has for processes.
    import torch.distributed.optim.utils as registry

    name = f"Functional{optimizer_class.__name__}"
    functional = type(name, (Functional,), {"_optimizer_class": optimizer_class})
    registry.register_functional_optim(optimizer_class, functional)  # type: ignore[no-untyped-call]
