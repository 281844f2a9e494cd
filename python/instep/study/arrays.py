"""The arrays that the study computes with."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Singles: TypeAlias = NDArray[np.float32]
"""Of the network on the digits, in which float32 is usual."""

Doubles: TypeAlias = NDArray[np.float64]
"""Of all else, where exact statements are held against the numbers."""

State: TypeAlias = Singles | Doubles
"""What an optimizer keeps of a parameter: arrays like it, and numbers."""
