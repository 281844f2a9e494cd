"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class ASGD(Optimizer):
    r"""Stochastic gradient descent that also keeps the average of the parameters.

    .. math::

        \theta_t &= (1 - \lambda_d \eta_t) \, \theta_{t-1} - \eta_t \, g_t, \qquad
        \eta_t = \gamma / (1 + \lambda_d \gamma (t - 1))^\alpha \\
        a_t &= a_{t-1} + \mu_t \, (\theta_t - a_{t-1}), \qquad
        \mu_t = 1 / \max(1, t - 1 - t_0)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. While :math:`\mu_t = 1`, the average is
    the parameter; it is the state ``ax``, and no step depends on it. The formulas are those of
    ``torch.optim.ASGD``.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first). The rate :math:`\eta` of a step was computed at the end of the
        one before: another `lr` shows one step later.
    lambd : float
        Decay :math:`\lambda_d` of the rate and of the parameter, at least 0.
    alpha : float
        Power :math:`\alpha` of the rate's decay, at least 0.
    t0 : float
        How many steps :math:`t_0` pass before the average begins.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM
    Journal on Control and Optimization 30, 1992.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.zeros(1)
    >>> optimizer = instep.ASGD(w, lr=0.5, lambd=0.0, t0=0)
    >>> for gradient in (-2.0, 4.0, -6.0):
    ...     optimizer.step(np.array([gradient]))
    >>> w, optimizer.state_dict()["state"][0]["ax"]
    (array([2.]), array([0.5]))
    """

    _rule = Rule("asgd")

    lr: LearningRate = LearningRate()
    lambd: Number = Number(AT_LEAST_0)
    alpha: Number = Number(AT_LEAST_0)
    t0: Number = Number()
    weight_decay: Number = Number(AT_LEAST_0)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-2,
        lambd: float | Schedule = 1e-4,
        alpha: float | Schedule = 0.75,
        t0: float | Schedule = 1e6,
        weight_decay: float | Schedule = 0.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
