"""Losses smoothed for the eye."""

from __future__ import annotations

import math

SMALLEST = 1e-12


class SmoothedLoss:
    """The exponentially weighted geometric mean of about the last `span` losses.

    The geometric mean is the one for an axis of powers of ten: a loss of a million in the first
    step is forgotten as fast as one of a millionth. What is below `SMALLEST` counts as that;
    where a loss is not finite, neither is the mean.

    >>> smoothed = SmoothedLoss(2)
    >>> [round(smoothed.update(loss), 3) for loss in (100.0, 1.0, 1.0)]
    [100.0, 4.642, 1.931]
    """

    def __init__(self, span: float) -> None:
        self._keep = 1.0 - 1.0 / max(span, 1.0)
        self._sum = self._weight = 0.0

    def update(self, loss: float) -> float:
        """Take in `loss` and return the mean."""
        if not math.isfinite(loss):
            return math.nan
        logarithm = math.log(max(loss, SMALLEST))
        self._sum = self._keep * self._sum + (1.0 - self._keep) * logarithm
        self._weight = self._keep * self._weight + (1.0 - self._keep)
        return math.exp(self._sum / self._weight)
