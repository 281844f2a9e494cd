"""Optimizer steps in place on NumPy arrays: C++ speed, equal to a readable reference bit for bit.

>>> import numpy as np
>>> import instep
>>> w = np.array([1.0, 2.0, 3.0])
>>> optimizer = instep.Adam(w, lr=0.5)
>>> optimizer.step(np.array([0.1, -0.2, 0.0]))
>>> w.round(6)
array([0.5, 2.5, 3. ])
"""

from instep import functional, line_search, optimizers, reference, schedules
from instep._core import __version__
from instep.checkpoint import CheckpointError
from instep.config import get_num_threads, set_num_threads, show_config
from instep.keyed import Keyed
from instep.nested import flatten
from instep.optimizer import Optimizer
from instep.optimizers import *  # noqa: F403
from instep.row_gradient import RowGradient

__all__ = [
    "CheckpointError",
    "Keyed",
    "Optimizer",
    "RowGradient",
    "__version__",
    "flatten",
    "functional",
    "get_num_threads",
    "line_search",
    "reference",
    "schedules",
    "set_num_threads",
    "show_config",
]
__all__ += optimizers.__all__
