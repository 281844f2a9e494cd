"""LAMB."""

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
class LAMB(Optimizer):
    r"""Layer-wise adaptive moments: Adam at a rate of its own for each parameter.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        u_t &= \hat m_t / (\sqrt{\hat v_t} + \epsilon) + \lambda \theta_{t-1}, \qquad
        \hat m_t = m_t / (1 - \beta_1^t), \quad \hat v_t = v_t / (1 - \beta_2^t) \\
        \theta_t &= \theta_{t-1} - \alpha \,
        \frac{\lVert \theta_{t-1} \rVert}{\lVert u_t \rVert} \, u_t

    with :math:`g_t = \pm\nabla f` and the norms of all elements of a parameter. The formulas are
    those of ``timm.optim.Lamb``, whose ``max_grad_norm`` is `clip_norm`. A group without decay, of
    biases and norms' weights, has 1 in the place of the ratio of norms and is stepped as by `Adam`.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\alpha`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    bias_correction : bool
        False takes :math:`\hat m_t = m_t`, :math:`\hat v_t = v_t`.
    betas : tuple of float
        Decay rates :math:`\beta_1`, :math:`\beta_2` of the moments, in [0, 1).
    eps : float
        Term :math:`\epsilon` that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0. Above 0 it switches the ratio of norms on.
    grad_averaging : bool
        False adds :math:`g_t`, not :math:`(1 - \beta_1) \, g_t`, to the first moment.
    trust_clip : bool
        Take 1 where the ratio of norms is above 1.
    always_adapt : bool
        Compute the ratio without decay, too.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \alpha\lambda` first, whatever the norms, instead of
        adding its decay to :math:`u_t`.
    %(maximize)s
    %(options)s

    Raises
    ------
    TypeError, ValueError
        As `Optimizer` does; also for a `RowGradient` where norms are needed.

    References
    ----------
    Y. You, J. Li, S. Reddi, J. Hseu, S. Kumar, S. Bhojanapalli, X. Song, J. Demmel, K. Keutzer,
    C.-J. Hsieh, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", ICLR
    2020.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([3.0, 4.0])
    >>> optimizer = instep.LAMB(w, lr=0.5, weight_decay=0.0, always_adapt=True)
    >>> optimizer.step(np.array([0.0, 100.0]))  # half as long as the parameter
    >>> w.round(4)
    array([3. , 1.5])
    """

    _rule = Rule("lamb")

    lr: LearningRate = LearningRate()
    bias_correction: Flag = Flag()
    betas: Betas[tuple[float, float]] = Betas()
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    grad_averaging: Flag = Flag()
    trust_clip: Flag = Flag()
    always_adapt: Flag = Flag()
    decoupled_weight_decay: Flag = Flag()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        bias_correction: bool | FlagSchedule = True,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.999),
        eps: float | Schedule = 1e-6,
        weight_decay: float | Schedule = 0.01,
        grad_averaging: bool | FlagSchedule = True,
        *,
        trust_clip: bool | FlagSchedule = False,
        always_adapt: bool | FlagSchedule = False,
        decoupled_weight_decay: bool | FlagSchedule = False,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
