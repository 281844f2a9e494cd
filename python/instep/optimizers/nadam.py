"""NAdam."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import (
    Betas,
    BetasSchedule,
    Flag,
    FlagSchedule,
    LearningRate,
    Number,
    Schedule,
)
from instep.numbers import AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class NAdam(Optimizer):
    r"""NAdam: Adam with Nesterov's look-ahead in the place of its momentum.

    .. math::

        \mu_t &= \beta_1 (1 - \tfrac12 \, 0.96^{t \psi}) \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        \hat m_t &= \mu_{t+1} m_t / (1 - \textstyle\prod_{i=1}^{t+1} \mu_i)
        + (1 - \mu_t) \, g_t / (1 - \textstyle\prod_{i=1}^{t} \mu_i) \\
        \theta_t &= \theta_{t-1} - \gamma \, \hat m_t / (\sqrt{\hat v_t} + \epsilon), \qquad
        \hat v_t = v_t / (1 - \beta_2^t)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. The formulas are those of
    ``torch.optim.NAdam``.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    betas : tuple of float
        Decay rates :math:`\beta_1`, :math:`\beta_2` of the moments, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0: :math:`\lambda\theta_{t-1}` is added to the gradient.
    momentum_decay : float
        How fast :math:`\mu` grows from half of :math:`\beta_1` to all of it: :math:`\psi`, at
        least 0.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \gamma\lambda` instead of changing the gradient.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.NAdam(w, lr=0.25)
    >>> optimizer.step(np.array([0.5, -0.5]))
    >>> w.round(4)
    array([0.7359, 2.2641])
    """

    _rule = Rule("nadam", initial={"mu_product": 1.0})

    lr: LearningRate = LearningRate()
    betas: Betas[tuple[float, float]] = Betas()
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    momentum_decay: Number = Number(AT_LEAST_0)
    decoupled_weight_decay: Flag = Flag()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 2e-3,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.999),
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        momentum_decay: float | Schedule = 4e-3,
        decoupled_weight_decay: bool | FlagSchedule = False,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
