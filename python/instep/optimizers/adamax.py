"""Adamax."""

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
class Adamax(Optimizer):
    r"""Adamax: steps by the first moment over the largest recent gradient.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        u_t &= \max(\beta_2 u_{t-1}, |g_t| + \epsilon) \\
        \theta_t &= \theta_{t-1} - \frac{\alpha}{1 - \beta_1^t} \, m_t / u_t

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. The formulas are those of
    ``torch.optim.Adamax``; the paper has no :math:`\epsilon`.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\alpha`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    betas : tuple of float
        Decay rates :math:`\beta_1`, :math:`\beta_2` of the moment and of the maximum, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 2.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.Adamax(w, lr=0.5, betas=(0.5, 0.75), eps=0.0)
    >>> optimizer.step(np.array([0.25, -4.0]))
    >>> w
    array([0.5, 2.5])
    """

    _rule = Rule("adamax")

    lr: LearningRate = LearningRate()
    betas: Betas[tuple[float, float]] = Betas()
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 2e-3,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.999),
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
