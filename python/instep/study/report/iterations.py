"""Which iterations of a long curve are drawn and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.study.arrays import Doubles

Iterations: TypeAlias = NDArray[np.int64]


def logarithmic_marks(
    last: int,
    count: int = 400,
    *,
    first: int = 1,
    rounding: Callable[[Doubles], Doubles] = np.rint,
) -> Iterations:
    """Return at most `count` iterations from `first` to `last`, evenly spaced in their logarithm.

    >>> logarithmic_marks(1000, 7).tolist()
    [1, 3, 10, 32, 100, 316, 1000]
    >>> logarithmic_marks(4).tolist()
    [1, 2, 3, 4]
    """
    return np.unique(rounding(np.geomspace(first, last, count)).astype(np.int64))


def from_the_start(last: int, count: int = 600) -> Iterations:
    """Return 0 and, of at most `count` iterations in all, logarithmic marks up to `last`.

    >>> from_the_start(100, 6).tolist()
    [0, 1, 3, 10, 32, 100]
    """
    return np.insert(logarithmic_marks(last, count - 1), 0, 0)
