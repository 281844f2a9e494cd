"""ScheduleFreeSGD."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import AT_LEAST_0, BETWEEN_0_AND_1
from instep.optimizer import documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions
from instep.two_points import TwoPointOptimizer


@documented
class ScheduleFreeSGD(TwoPointOptimizer):
    r"""Schedule-free SGD: the mean of its points in the place of a schedule that ends.

    .. math::

        z_{t+1} &= z_t - \gamma_t \, g_t \\
        x_{t+1} &= (1 - c_t) x_t + c_t z_{t+1} \\
        y_{t+1} &= \beta x_{t+1} + (1 - \beta) z_{t+1}

    with :math:`g_t = \pm\nabla f(y_t) + \lambda y_t`. The parameters hold :math:`y`, at which
    gradients are taken; `eval` brings them to :math:`x`, which is learned, and `train` back.
    :math:`c_t` is the part that the weight :math:`w_t = t^r \max_{s \le t} \gamma_s^p` has in the
    sum of all so far: the mean is a plain one while the rate stays. The formulas are those of
    ``schedulefree.SGDScheduleFree``, which begins in eval mode where this begins in train mode.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    momentum : float
        Part :math:`\beta` that the mean has in the point at which gradients are taken, between 0
        and 1.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    warmup_steps : float
        In how many steps the rate grows to `lr`, at least 0: in step :math:`t` it is :math:`t` /
        `warmup_steps` of it.
    r : float
        Power of the number of a step in its weight: above 0, later points weigh more.
    weight_lr_power : float
        Power :math:`p` of the rate in the weight.
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
    >>> optimizer = instep.ScheduleFreeSGD(w, lr=0.5)
    >>> for _ in range(100):
    ...     optimizer.step(w - 1.0)
    >>> optimizer.eval()
    >>> w.round(2)
    array([1., 1.])
    """

    _rule = Rule("schedule_free_sgd", initial={"lr_max": -1.0})

    lr: LearningRate = LearningRate()
    momentum: Number = Number(BETWEEN_0_AND_1)
    weight_decay: Number = Number(AT_LEAST_0)
    warmup_steps: Number = Number(AT_LEAST_0)
    r: Number = Number()
    weight_lr_power: Number = Number()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1.0,
        momentum: float | Schedule = 0.9,
        weight_decay: float | Schedule = 0.0,
        warmup_steps: float | Schedule = 0,
        r: float | Schedule = 0.0,
        weight_lr_power: float | Schedule = 2.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
