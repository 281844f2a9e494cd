"""AdEMAMix."""

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
class AdEMAMix(Optimizer):
    r"""AdEMAMix: Adam with a second, slow mean of gradients beside the fast one.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        s_t &= \beta_3(t) \, s_{t-1} + (1 - \beta_3(t)) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        \theta_t &= (1 - \eta\lambda) \, \theta_{t-1}
        - \eta \, \frac{\hat m_t + \alpha(t) \, s_t}{\sqrt{\hat v_t} + \epsilon}, \qquad
        \hat m_t = m_t / (1 - \beta_1^t), \quad \hat v_t = v_t / (1 - \beta_2^t)

    With warm-ups of :math:`T` steps, and :math:`\tau = t/T < 1`,
    :math:`\alpha(t) = \tau\alpha` and :math:`1 / \ln \beta_3(t) = (1 - \tau) / \ln \beta_1 + \tau /
    \ln \beta_3`, which begins at :math:`\beta_1`. Defaults and names are those of the authors'
    code, the warm-up is the paper's.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\eta`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    betas : tuple of float
        Decay rates :math:`\beta_1` of the fast mean, :math:`\beta_2` of the square and
        :math:`\beta_3` of the slow mean, in [0, 1).
    alpha : float
        Weight :math:`\alpha` of the slow mean, at least 0.
    beta3_warmup, alpha_warmup : float, optional
        Steps :math:`T` in which :math:`\beta_3` and :math:`\alpha` grow to what they are, at least
        0. With None they are that from the beginning.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    M. Pagliardini, P. Ablin, D. Grangier, "The AdEMAMix Optimizer: Better, Faster, Older",
    arXiv:2409.03137, 2024, algorithm 1.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.AdEMAMix(w, lr=0.25, betas=(0.9, 0.999, 0.5), eps=0.0)
    >>> optimizer.step(np.array([0.5, -0.5]))
    >>> w.round(12)
    array([0.5, 2.5])
    """

    _rule = Rule("ademamix")

    lr: LearningRate = LearningRate()
    betas: Betas[tuple[float, float, float]] = Betas(3)
    alpha: Number = Number(AT_LEAST_0)
    beta3_warmup: Number[float | Schedule | None] = Number(AT_LEAST_0, may_be_none=True)
    alpha_warmup: Number[float | Schedule | None] = Number(AT_LEAST_0, may_be_none=True)
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float, float] | ThreeBetasSchedule = (0.9, 0.999, 0.9999),
        alpha: float | Schedule = 2.0,
        beta3_warmup: float | Schedule | None = None,
        alpha_warmup: float | Schedule | None = None,
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
