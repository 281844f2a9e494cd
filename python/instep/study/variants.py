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
"""By the titles that :mod:`instep.study.report.styles` knows. Call with parameters and ``lr``."""


def at_one_rate(lr: float) -> dict[str, Callable[..., instep.Optimizer]]:
    """Return all at the rate `lr`, and Adadelta, which hardly moves there, at its own as well."""
    return {
        **{title: partial(optimizer, lr=lr) for title, optimizer in VARIANTS.items()},
        "Adadelta, lr = 1": partial(instep.Adadelta, lr=1.0),
    }
