"""Schedules that fall for ever, slowly enough for stochastic approximation to converge."""

from __future__ import annotations

import math

from instep.numbers import FINITE_ABOVE_0, FINITE_AT_LEAST_0
from instep.schedules._schedule import ImmutableSchedule


class InverseSquareRoot(ImmutableSchedule):
    r"""A rate that falls with the square root of time.

    .. math:: \eta(t) = \frac{\eta_0}{\sqrt{1 + t / \tau}}

    With :math:`\tau = 1` the rate of the :math:`k`-th step, :math:`k = t + 1`, is
    :math:`\eta_0 / \sqrt k`: that of the regret bounds for online gradient descent, Adam and
    AMSGrad.

    Parameters
    ----------
    initial : float
        Rate :math:`\eta_0` of the first step, finite and at least 0.
    timescale : float
        Time :math:`\tau`, in steps, finite and above 0: after three of them the rate has halved.

    Raises
    ------
    TypeError, ValueError
        When an argument has a wrong type or is out of range.

    Notes
    -----
    ``LinearWarmup(n, InverseSquareRoot(peak, timescale=n))`` is, from step n on,
    :math:`\mathrm{peak} \sqrt{n / t}`: the schedule of Vaswani et al., "Attention Is All You Need",
    NeurIPS 2017.

    References
    ----------
    M. Zinkevich, "Online Convex Programming and Generalized Infinitesimal Gradient Ascent", ICML
    2003.

    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, theorem 4.1.

    S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018.

    Examples
    --------
    >>> from instep.schedules import InverseSquareRoot
    >>> [InverseSquareRoot(1.0)(t) for t in (0, 3, 15)]
    [1.0, 0.5, 0.25]
    >>> [InverseSquareRoot(1.0, timescale=100)(t) for t in (0, 300, 1500)]
    [1.0, 0.5, 0.25]
    """

    initial: float
    timescale: float

    def __init__(self, initial: float, timescale: float = 1.0) -> None:
        self._set(
            initial=FINITE_AT_LEAST_0.check("initial", initial),
            timescale=FINITE_ABOVE_0.check("timescale", timescale),
        )

    def _rate(self, t: int) -> float:
        return self.initial / math.sqrt(1.0 + t / self.timescale)


class SearchThenConverge(ImmutableSchedule):
    r"""A rate that stays near its first value for a while and then falls with time.

    Without `c`

    .. math:: \eta(t) = \frac{\eta_0}{1 + t / \tau},

    which approaches :math:`\eta_0 \tau / t`; with it

    .. math::

        \eta(t) = \eta_0 \, \frac{1 + \frac{c}{\eta_0} \frac{t}{\tau}}
        {1 + \frac{c}{\eta_0} \frac{t}{\tau} + \tau \frac{t^2}{\tau^2}},

    which approaches :math:`c / t` whatever the first value.

    Parameters
    ----------
    initial : float
        Rate :math:`\eta_0` of the first step, finite and above 0.
    timescale : float
        Time :math:`\tau`, in steps, finite and above 0. The rate stays near its first value for
        about so many steps; with `c`, for :math:`\sqrt\tau` or :math:`c / \eta_0`, the longer one.
    c : float, optional
        Asymptotic :math:`\eta(t) \, t`, finite and above 0. Convergence is as fast as it can be
        where it is above :math:`1 / (2 \alpha)`, with :math:`\alpha` the smallest eigenvalue of
        the Hessian at the minimum.

    Raises
    ------
    TypeError, ValueError
        When an argument has a wrong type or is out of range.

    References
    ----------
    C. Darken, J. Chang, J. Moody, "Learning Rate Schedules for Faster Stochastic Gradient Search",
    Neural Networks for Signal Processing II, IEEE, 1992.

    C. Darken, J. Moody, "Note on Learning Rate Schedules for Stochastic Optimization", NIPS 3,
    1990, and "Towards Faster Stochastic Gradient Search", NIPS 4, 1991.

    Examples
    --------
    >>> from instep.schedules import SearchThenConverge
    >>> [SearchThenConverge(1.0, timescale=100)(t) for t in (0, 100, 300)]
    [1.0, 0.5, 0.25]
    >>> schedule = SearchThenConverge(0.5, timescale=100, c=10.0)
    >>> schedule(0), round(schedule(10**6) * 10**6, 3)
    (0.5, 10.0)
    """

    initial: float
    timescale: float
    c: float | None

    def __init__(self, initial: float, timescale: float, c: float | None = None) -> None:
        self._set(
            initial=FINITE_ABOVE_0.check("initial", initial),
            timescale=FINITE_ABOVE_0.check("timescale", timescale),
            c=None if c is None else FINITE_ABOVE_0.check("c", c),
        )

    def _rate(self, t: int) -> float:
        if self.c is None:
            return self.initial / (1.0 + t / self.timescale)
        if t == 0:
            return self.initial
        # The formula divided by its numerator: no infinity is divided by another.
        return self.initial / (1.0 + t * t / (self.timescale + self.c / self.initial * t))
