"""Lion."""

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
class Lion(Optimizer):
    r"""Lion: every element goes as far as the rate, by the sign of a mean of the gradient.

    .. math::

        \theta_t &= (1 - \alpha\lambda) \, \theta_{t-1}
        - \alpha \, \mathrm{sign}(\beta_1 m_{t-1} + (1 - \beta_1) \, g_t) \\
        m_t &= \beta_2 m_{t-1} + (1 - \beta_2) \, g_t

    with :math:`g_t = \pm\nabla f`. The sign of 0 is 0, and that of a NaN is NaN.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\alpha`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first). The paper takes a third to a tenth of AdamW's.
    betas : tuple of float
        How much of the moment the direction has, :math:`\beta_1`, and the moment's decay rate
        :math:`\beta_2`, in [0, 1).
    weight_decay : float
        Decay :math:`\lambda`, at least 0, always decoupled: the parameter is multiplied by
        :math:`1 - \alpha\lambda`. The paper takes 3 to 10 times AdamW's.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    X. Chen, C. Liang, D. Huang, E. Real, K. Wang, Y. Liu, H. Pham, X. Dong, T. Luong, C.-J. Hsieh,
    Y. Lu, Q. V. Le, "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0, 3.0])
    >>> optimizer = instep.Lion(w, lr=0.25)
    >>> optimizer.step(np.array([0.5, -4.0, 0.0]))
    >>> w
    array([0.75, 2.25, 3.  ])
    """

    _rule = Rule("lion")

    lr: LearningRate = LearningRate()
    betas: Betas[tuple[float, float]] = Betas()
    weight_decay: Number = Number(AT_LEAST_0)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-4,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.99),
        weight_decay: float | Schedule = 0.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
