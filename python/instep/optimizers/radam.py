"""RAdam."""

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
class RAdam(Optimizer):
    r"""RAdam: Adam whose steps are those of momentum at first, and then grow to Adam's.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        \theta_t &= \theta_{t-1} - \alpha \, \hat m_t \cdot \begin{cases}
        r_t \sqrt{1 - \beta_2^t} / (\sqrt{v_t} + \epsilon) & \rho_t > 5 \\
        1 & \text{else} \end{cases}, \qquad \hat m_t = m_t / (1 - \beta_1^t) \\
        r_t &= \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \, \rho_\infty}
        {(\rho_\infty - 4)(\rho_\infty - 2) \, \rho_t}}, \quad
        \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \quad
        \rho_\infty = \frac{2}{1 - \beta_2} - 1

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. The formulas are those of
    ``torch.optim.RAdam``.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\alpha`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    betas : tuple of float
        Decay rates :math:`\beta_1`, :math:`\beta_2` of the moments, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0: :math:`\lambda\theta_{t-1}` is added to the gradient.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \alpha\lambda` instead of changing the gradient, as the
        authors do.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    L. Liu, H. Jiang, P. He, W. Chen, X. Liu, J. Gao, J. Han, "On the Variance of the Adaptive
    Learning Rate and Beyond", ICLR 2020.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.RAdam(w, lr=0.5)
    >>> optimizer.step(np.array([0.5, -4.0]))
    >>> w
    array([0.75, 4.  ])
    """

    _rule = Rule("radam")

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
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        decoupled_weight_decay: bool | FlagSchedule = False,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
