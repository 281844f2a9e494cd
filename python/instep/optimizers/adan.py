"""Adan."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import (
    Betas,
    Flag,
    FlagSchedule,
    LearningRate,
    Number,
    Schedule,
    ThreeBetasSchedule,
)
from instep.numbers import AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class Adan(Optimizer):
    r"""Adan: Adam with Nesterov's look-ahead, by the mean of how the gradient changes.

    .. math::

        d_t &= g_t - g_{t-1}, \qquad d_1 = 0 \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, d_t \\
        n_t &= \beta_3 n_{t-1} + (1 - \beta_3) \, (g_t + \beta_2 d_t)^2 \\
        \theta_t &= \frac{1}{1 + \alpha\lambda} \left( \theta_{t-1} - \alpha \,
        \frac{\hat m_t + \beta_2 \hat v_t}{\sqrt{\hat n_t} + \epsilon} \right)

    where a mean with a hat is divided by :math:`1 - \beta^t` of its own :math:`\beta`. The formulas
    are those of the authors' code, as in ``timm.optim.Adan``.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\alpha`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    betas : tuple of float
        Decay rates :math:`\beta_1`, :math:`\beta_2`, :math:`\beta_3` of the means of gradients, of
        their changes, and of squares, in [0, 1): one minus those of the paper.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0.
    no_prox : bool
        Multiply the parameter by :math:`1 - \alpha\lambda` before the step instead of dividing it
        by :math:`1 + \alpha\lambda` after it.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    X. Xie et al., "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models",
    arXiv:2208.06677, 2022.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.Adan(w, lr=0.25, eps=0.0)
    >>> optimizer.step(np.array([0.5, -0.5]))
    >>> w.round(12)
    array([0.75, 2.25])
    """

    _rule = Rule("adan")

    lr: LearningRate = LearningRate()
    betas: Betas[tuple[float, float, float]] = Betas(3)
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    no_prox: Flag = Flag()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float, float] | ThreeBetasSchedule = (0.98, 0.92, 0.99),
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        no_prox: bool | FlagSchedule = False,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
