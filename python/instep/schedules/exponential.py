"""Schedules that multiply the rate by a constant factor, at once or continuously."""

from __future__ import annotations

import math

from instep.numbers import FINITE_ABOVE_0, FINITE_AT_LEAST_0, FROM_0_TO_1, check_integer
from instep.schedules._schedule import ImmutableSchedule


class StepDecay(ImmutableSchedule):
    r"""A rate that is multiplied by a factor every so many steps.

    .. math:: \eta(t) = \eta_0 \, \gamma^{\lfloor t / s \rfloor}

    Parameters
    ----------
    initial : float
        Rate :math:`\eta_0` of the first `every` steps, finite and at least 0.
    factor : float
        Factor :math:`\gamma`, in [0, 1].
    every : int
        Number :math:`s` of steps with one rate, at least 1.

    Raises
    ------
    TypeError, ValueError
        When an argument has a wrong type or is out of range.

    See Also
    --------
    ExponentialDecay : The same without the jumps.

    References
    ----------
    R. Ge, S. M. Kakade, R. Kidambi, P. Netrapalli, "The Step Decay Schedule: A Near Optimal,
    Geometrically Decaying Learning Rate Procedure For Least Squares", NeurIPS 2019.

    Examples
    --------
    >>> from instep.schedules import StepDecay
    >>> [StepDecay(0.5, factor=0.5, every=2)(t) for t in range(5)]
    [0.5, 0.5, 0.25, 0.25, 0.125]
    """

    initial: float
    factor: float
    every: int

    def __init__(self, initial: float, factor: float, every: int) -> None:
        self._set(
            initial=FINITE_AT_LEAST_0.check("initial", initial),
            factor=FROM_0_TO_1.check("factor", factor),
            every=check_integer("every", every, at_least=1),
        )

    def _rate(self, t: int) -> float:
        return self.initial * math.pow(self.factor, t // self.every)


class ExponentialDecay(ImmutableSchedule):
    r"""A rate that is multiplied by a factor in each step, or over a timescale.

    .. math:: \eta(t) = \eta_0 \, \gamma^{t / \tau}

    Parameters
    ----------
    initial : float
        Rate :math:`\eta_0` of the first step, finite and at least 0.
    factor : float
        Factor :math:`\gamma` over `timescale` steps, in [0, 1].
    timescale : float
        Number :math:`\tau` of steps, finite and above 0.

    Raises
    ------
    TypeError, ValueError
        When an argument has a wrong type or is out of range.

    See Also
    --------
    StepDecay : The same in jumps.

    References
    ----------
    J. L. Goffin, "On convergence rates of subgradient optimization methods", Mathematical
    Programming 13, 1977.

    Examples
    --------
    >>> from instep.schedules import ExponentialDecay
    >>> [ExponentialDecay(1.0, factor=0.5)(t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    >>> [ExponentialDecay(1.0, factor=0.25, timescale=2)(t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    initial: float
    factor: float
    timescale: float

    def __init__(self, initial: float, factor: float, timescale: float = 1.0) -> None:
        self._set(
            initial=FINITE_AT_LEAST_0.check("initial", initial),
            factor=FROM_0_TO_1.check("factor", factor),
            timescale=FINITE_ABOVE_0.check("timescale", timescale),
        )

    def _rate(self, t: int) -> float:
        return self.initial * math.pow(self.factor, t / self.timescale)
