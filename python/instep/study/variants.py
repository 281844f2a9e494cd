"""The optimizers whose paths are drawn: the six, and two of them with momentum."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import instep
from instep.study.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from collections.abc import Callable

MOMENTUM = 0.9

VARIANTS: dict[str, Callable[..., instep.Optimizer]] = {
    **{pairing.title: pairing.optimizer for pairing in OPTIMIZERS.values()},
    "SGD, momentum": partial(instep.SGD, momentum=MOMENTUM),
    "RMSprop, momentum": partial(instep.RMSprop, momentum=MOMENTUM),
}
"""By the titles that :mod:`instep.study.styles` knows. Call with parameters and ``lr``."""
