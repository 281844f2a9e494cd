"""Which iterations of a long curve are drawn and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def log_spaced(last: int, points: int = 600) -> NDArray[np.int64]:
    """Return iterations from 0 to `last`, at most `points`, that lie evenly on a log axis.

    >>> log_spaced(5).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    return np.unique(np.r_[0, np.geomspace(1, last, points - 1).round()].astype(np.int64))
