"""Why Adam goes the wrong way: its steps are short where the gradient is large."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from instep.functional import adam_step
from instep.study.convex.experiment import BETAS, LARGE, PERIOD, SMALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from instep.study.arrays import Doubles

GRADIENTS = np.array([LARGE] + [SMALL] * (PERIOD - 1))
"""A period of the gradients of the experiment."""

BETA1, BETA2 = BETAS

SHOWN = slice(20 * PERIOD, 24 * PERIOD)
"""Of the effective rates, those that are drawn and stored for each iteration."""


def effective_rates(gradients: Doubles, beta2: float = BETA2) -> tuple[Doubles, Doubles]:
    r"""Return :math:`\alpha_t / \sqrt{v_t}` of Adam and of AMSGrad for :math:`\alpha = 1`.

    The states are the caller's own here, so that v can be read after every step.
    """
    x, first, second, largest = np.zeros((4, 1))
    moments = np.empty((2, len(gradients)))
    step = partial(adam_step, step=1, lr=1.0, beta2=beta2, eps=0.0, bias_correction=False)
    for index, gradient in enumerate(gradients[:, None]):
        step(x, gradient, first, second, largest)
        moments[:, index] = second[0], largest[0]
    adam, amsgrad = 1.0 / np.sqrt(np.arange(len(gradients)) + 1) / np.sqrt(moments)
    return adam, amsgrad


def by_period(rates: Doubles) -> Doubles:
    """Return the rates with a row for each period."""
    return rates.reshape(-1, PERIOD)


def middles(periods: int) -> Doubles:
    """Return the middle of each period, in iterations."""
    middles: Doubles = PERIOD * np.arange(0.5, periods)
    return middles


def drift(
    beta1: float, beta2: float, *, amsgrad: bool = False, period: Doubles = GRADIENTS
) -> float:
    """Return how far x moves in a period, in learning rates, once the moments repeat themselves.

    Positive is away from the best point. Adam's moments start where a period returns to, which
    is known: the sum over all earlier gradients is a geometric series of periods.
    """
    earlier, age = period[::-1], np.arange(len(period))
    x, first, second = np.zeros((3, 1))
    first[0] = _repeating_mean(earlier, beta1, age)
    second[0] = _repeating_mean(earlier**2, beta2, age)
    largest = np.zeros(1) if amsgrad else None
    step = partial(
        adam_step, step=1, lr=1.0, beta1=beta1, beta2=beta2, eps=0.0, bias_correction=False
    )
    # AMSGrad meets its largest second moment in the first period and keeps it in the second.
    for _ in range(2):
        begin = x[0]
        for gradient in period[:, None]:
            step(x, gradient, first, second, largest)
    return float(x[0] - begin)


def _repeating_mean(earlier: Doubles, beta: float, age: NDArray[np.int64]) -> float:
    """Return the exponential mean of an endless periodic past, the last value first."""
    return float((1 - beta) * np.sum(beta**age * earlier) / (1 - beta ** len(earlier)))


def drifts(forget: Doubles) -> dict[str, list[float]]:
    """Return the drift of each optimizer where 1 − β₂ is each of `forget`."""
    return {
        "Adam": [drift(BETA1, 1 - each) for each in forget],
        "RMSprop": [drift(0.0, 1 - each) for each in forget],
        "AMSGrad": [drift(BETA1, 1 - each, amsgrad=True) for each in forget],
    }


def crossing(forget: Doubles, values: Doubles) -> float:
    """Return where the drift changes its sign, between points in the logarithm of 1 − β₂."""
    after = int(np.argmax(values < 0))
    (left, right), (low, high) = (
        np.log(forget[after - 1 : after + 1]),
        values[after - 1 : after + 1],
    )
    return float(np.exp(left + (right - left) * low / (low - high)))
