"""Schedules that reach their final rate after a number of steps."""

from __future__ import annotations

import math

from instep.numbers import FINITE_ABOVE_0, FINITE_AT_LEAST_0, check_integer
from instep.schedules._schedule import ImmutableSchedule, interpolated


class PolynomialDecay(ImmutableSchedule):
    r"""A rate that follows a power of the remaining time to its final value and stays there.

    .. math:: \eta(t) = \eta_T + (\eta_0 - \eta_T) \, (1 - \min(t, T) / T)^p

    Parameters
    ----------
    initial : float
        Rate :math:`\eta_0` of the first step, finite and at least 0.
    final : float
        Rate :math:`\eta_T` once `steps` steps are completed, finite and at least 0. One that is
        larger than `initial` makes the rate rise.
    steps : int
        Number :math:`T` of steps, at least 1.
    power : float
        Power :math:`p`, finite and above 0; 1 is a straight line.

    Raises
    ------
    TypeError, ValueError
        When an argument has a wrong type or is out of range.

    References
    ----------
    L.-C. Chen, G. Papandreou, I. Kokkinos, K. Murphy, A. L. Yuille, "DeepLab: Semantic Image
    Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected CRFs", IEEE
    Transactions on Pattern Analysis and Machine Intelligence 40, 2018 ("poly", with power 0.9).

    Examples
    --------
    >>> from instep.schedules import PolynomialDecay
    >>> [PolynomialDecay(1.0, final=0.5, steps=4)(t) for t in range(6)]
    [1.0, 0.875, 0.75, 0.625, 0.5, 0.5]
    >>> [PolynomialDecay(1.0, final=0.0, steps=4, power=2)(t) for t in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """

    initial: float
    final: float
    steps: int
    power: float

    def __init__(self, initial: float, final: float, steps: int, power: float = 1.0) -> None:
        self._set(
            initial=FINITE_AT_LEAST_0.check("initial", initial),
            final=FINITE_AT_LEAST_0.check("final", final),
            steps=check_integer("steps", steps, at_least=1),
            power=FINITE_ABOVE_0.check("power", power),
        )

    def _rate(self, t: int) -> float:
        if t >= self.steps:
            return self.final
        weight = math.pow((self.steps - t) / self.steps, self.power)
        return interpolated(self.initial, self.final, weight)


class CosineDecay(ImmutableSchedule):
    r"""A rate that follows half a period of a cosine to its final value and stays there.

    .. math:: \eta(t) = \eta_T + \frac{\eta_0 - \eta_T}{2} (1 + \cos(\pi \min(t, T) / T))

    Parameters
    ----------
    initial : float
        Rate :math:`\eta_0` of the first step, finite and at least 0.
    steps : int
        Number :math:`T` of steps, at least 1.
    final : float
        Rate :math:`\eta_T` once `steps` steps are completed, finite and at least 0. One that is
        larger than `initial` makes the rate rise.

    Raises
    ------
    TypeError, ValueError
        When an argument has a wrong type or is out of range.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017;
    here without the restarts.

    Examples
    --------
    >>> from instep.schedules import CosineDecay
    >>> [round(CosineDecay(1.0, steps=4)(t), 4) for t in range(6)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.0]
    """

    initial: float
    steps: int
    final: float

    def __init__(self, initial: float, steps: int, final: float = 0.0) -> None:
        self._set(
            initial=FINITE_AT_LEAST_0.check("initial", initial),
            steps=check_integer("steps", steps, at_least=1),
            final=FINITE_AT_LEAST_0.check("final", final),
        )

    def _rate(self, t: int) -> float:
        if t >= self.steps:
            return self.final
        # (1 + cos πx) / 2 = sin² (π/2 (1 - x)), and nothing cancels where the rate becomes small.
        root = math.sin(math.pi / 2 * ((self.steps - t) / self.steps))
        return interpolated(self.initial, self.final, root * root)
