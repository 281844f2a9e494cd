"""ScheduleFreeAdamW."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import (
    BetasSchedule,
    Flag,
    FlagSchedule,
    LearningRate,
    Number,
    Numbers,
    Schedule,
)
from instep.numbers import AT_LEAST_0, BETWEEN_0_AND_1, FROM_0_BELOW_1
from instep.optimizer import documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions
from instep.two_points import TwoPointOptimizer


@documented
class ScheduleFreeAdamW(TwoPointOptimizer):
    r"""Schedule-free AdamW: the mean of its points in the place of a schedule that ends.

    .. math::

        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        d_t &= g_t / (\sqrt{v_t / (1 - \beta_2^t)} + \epsilon) + \lambda y_t \\
        z_{t+1} &= z_t - \gamma_t \, d_t \\
        x_{t+1} &= (1 - c_t) x_t + c_t z_{t+1} \\
        y_{t+1} &= \beta_1 x_{t+1} + (1 - \beta_1) z_{t+1}

    with :math:`g_t = \pm\nabla f(y_t)`. The parameters hold :math:`y`, at which gradients are
    taken; `eval` brings them to :math:`x`, which is learned, and `train` back. :math:`c_t` is as in
    `ScheduleFreeSGD`. The formulas are those of ``schedulefree.AdamWScheduleFree``, which begins in
    eval mode where this begins in train mode.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    betas : tuple of float
        Part :math:`\beta_1` that the mean has in the point at which gradients are taken, between 0
        and 1, and decay rate :math:`\beta_2` of the second moment, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0, decoupled from the gradient.
    warmup_steps : float
        In how many steps the rate grows to `lr`, at least 0: in step :math:`t` it is :math:`t` /
        `warmup_steps` of it.
    r : float
        Power of the number of a step in its weight: above 0, later points weigh more.
    weight_lr_power : float
        Power of the rate in the weight.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    A. Defazio et al., "The Road Less Scheduled", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.ScheduleFreeAdamW(w, lr=0.1)
    >>> for _ in range(300):
    ...     optimizer.step(w - 1.0)
    >>> optimizer.eval()
    >>> w.round(2)
    array([1., 1.])
    """

    _rule = Rule("schedule_free_adamw", initial={"lr_max": -1.0})

    lr: LearningRate = LearningRate()
    betas: Numbers[tuple[float, float]] = Numbers(
        {"beta1": BETWEEN_0_AND_1, "beta2": FROM_0_BELOW_1}
    )
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    warmup_steps: Number = Number(AT_LEAST_0)
    r: Number = Number()
    weight_lr_power: Number = Number()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 2.5e-3,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.999),
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        warmup_steps: float | Schedule = 0,
        r: float | Schedule = 0.0,
        weight_lr_power: float | Schedule = 2.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
