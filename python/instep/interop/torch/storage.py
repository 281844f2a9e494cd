"""How a drop-in stores the tensors that it steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from instep.gradient_options import DEFAULTS as GRADIENT_DEFAULTS
from instep.gradient_options import GradientOptions
from instep.rule import Rule
from instep.storage import DEFAULTS, SQUARES, Storage, StorageOptions


class DropInOptions(GradientOptions, StorageOptions):
    """Keyword arguments of every class beside those of torch's; see `instep.Optimizer`."""


OWN_OPTIONS = (*GRADIENT_DEFAULTS, *DEFAULTS)
"""Options of the whole optimizer, which groups do not have."""


class DropInStorage(Storage):
    """The types of a drop-in's states: those of the parameter, as torch's, if nothing is asked.

    But for squares of a parameter of float16, and states that have other numbers than their
    parameter, which are float32.
    """

    def dtype_of(self, state: str, param: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type in which a state is stored, of a parameter of the type `param`."""
        asked = self.state_dtype
        named = asked.get(state) if isinstance(asked, dict) else asked
        wider = state in self._reduced or (param == np.float16 and state in SQUARES)
        if named is not None or wider:
            return super().dtype_of(state, param)
        return param


def by_name(option: Any) -> Any:
    """Return a dtype of torch, or a mapping of these, by name, and all else as it is."""
    if isinstance(option, Mapping):
        return {name: by_name(each) for name, each in option.items()}
    return str(option).removeprefix("torch.") if isinstance(option, torch.dtype) else option


def new_storage(rule: Rule, **options: Any) -> DropInStorage:
    """Return how an optimizer of a rule stores, or raise TypeError or ValueError."""
    return DropInStorage(
        rule.states,
        rule.reduced_states,
        **{**options, "state_dtype": by_name(options["state_dtype"])},
    )


def as_loaded(value: torch.Tensor, cast: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a state of a dictionary, which torch has `cast` to its parameter's type.

    It stays what it was saved as, or is widened to `dtype`, that of a new state: never narrowed,
    where instep can step it.
    """
    if value.dtype == torch.int16:
        return value.to(cast.device)
    if torch.float64 in (value.dtype, cast.dtype) or not value.is_floating_point():
        return cast
    return value.to(cast.device, dtype if value.itemsize < dtype.itemsize else value.dtype)
