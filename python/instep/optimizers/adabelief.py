"""AdaBelief."""

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
class AdaBelief(Optimizer):
    r"""AdaBelief: steps by the mean gradient over how far gradients are from it.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        s_t &= \beta_2 s_{t-1} + (1 - \beta_2) \, (g_t - m_t)^2 + \epsilon \\
        \theta_t &= (1 - \alpha\lambda) \, \theta_{t-1}
        - \alpha \, \hat m_t / (\sqrt{\hat s_t} + \epsilon), \qquad
        \hat m_t = m_t / (1 - \beta_1^t), \quad \hat s_t = s_t / (1 - \beta_2^t)

    The form is the paper's. The authors' package ``adabelief-pytorch`` computes the same with
    ``rectify=False``; its default is a rectified step as that of RAdam.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\alpha`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    betas : tuple of float
        Decay rates :math:`\beta_1`, :math:`\beta_2` of the means, in [0, 1).
    eps : float
        Term that is added to :math:`s` at each step, and to its root, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0: the parameter is multiplied by :math:`1 - \alpha\lambda`.
    decoupled_weight_decay : bool
        False adds :math:`\lambda\theta_{t-1}` to the gradient instead.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    J. Zhuang et al., "AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients",
    NeurIPS 2020, algorithm 2.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.AdaBelief(w, lr=0.25, betas=(0.5, 0.75), eps=0.0)
    >>> optimizer.step(np.array([4.0, -4.0]))
    >>> w
    array([0.5, 2.5])
    """

    _rule = Rule("adabelief")

    lr: LearningRate = LearningRate()
    betas: Betas[tuple[float, float]] = Betas()
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    decoupled_weight_decay: Flag = Flag()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.999),
        eps: float | Schedule = 1e-16,
        weight_decay: float | Schedule = 0.0,
        *,
        decoupled_weight_decay: bool | FlagSchedule = True,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
