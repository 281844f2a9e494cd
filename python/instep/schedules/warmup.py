"""A schedule that leads up to another one."""

from __future__ import annotations

from instep.hyperparameters import Schedule
from instep.numbers import FINITE_AT_LEAST_0, FROM_0_TO_1, check_integer
from instep.schedules._schedule import ImmutableSchedule, interpolated


class LinearWarmup(ImmutableSchedule):
    r"""A rate that rises along a straight line to the first rate of what comes then.

    .. math::

        \eta(t) = \begin{cases}
            \eta_n(0) \, (f + (1 - f) \, t / n) & t < n \\
            \eta_n(t - n) & t \ge n
        \end{cases}

    Parameters
    ----------
    steps : int
        Number :math:`n` of steps that are warmed up, at least 0.
    then : float or callable
        Schedule :math:`\eta_n`, which counts from the end of the warm-up; or the constant rate
        from there on, finite and at least 0.
    start : float, optional
        Part :math:`f` of the line's end at which it starts, in [0, 1]. By default
        :math:`1 / (n + 1)`, with which the rates are even multiples
        :math:`\eta_n(0) \, (t + 1) / (n + 1)` and no step is wasted on a rate of 0.

    Raises
    ------
    TypeError, ValueError
        When an argument has a wrong type or is out of range, or, on a call, when `then` returns
        something else than a finite number of at least 0.

    Notes
    -----
    ``start=0.0`` is Optax's ``join_schedules([linear_schedule(0, peak, n), then], [n])``;
    ``start=f`` is torch's ``LinearLR(optimizer, f, total_iters=n)`` in a ``SequentialLR`` with
    ``milestones=[n]``.

    References
    ----------
    P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017.

    Examples
    --------
    >>> from instep.schedules import LinearWarmup, StepDecay
    >>> [LinearWarmup(3, then=0.5)(t) for t in range(6)]
    [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]
    >>> schedule = LinearWarmup(2, StepDecay(1.0, factor=0.5, every=2), start=0.0)
    >>> [schedule(t) for t in range(6)]
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.5]
    """

    steps: int
    then: float | Schedule
    start: float

    def __init__(self, steps: int, then: float | Schedule, start: float | None = None) -> None:
        steps = check_integer("steps", steps, at_least=0)
        self._set(
            steps=steps,
            then=then if callable(then) else FINITE_AT_LEAST_0.check("then", then),
            start=1 / (steps + 1) if start is None else FROM_0_TO_1.check("start", start),
        )

    def _rate(self, t: int) -> float:
        if t >= self.steps:
            return self._then(t - self.steps)
        peak = self._then(0)
        return interpolated(self.start * peak, peak, (self.steps - t) / self.steps)

    def _then(self, t: int) -> float:
        if not callable(self.then):
            return self.then
        return FINITE_AT_LEAST_0.check("then(t)", self.then(t))
