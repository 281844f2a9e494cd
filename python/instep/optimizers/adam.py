"""Adam."""

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
class Adam(Optimizer):
    r"""Adam: steps by the first moment over the root of the second.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        \theta_t &= \theta_{t-1} - \alpha \, \hat m_t / (\sqrt{\hat v_t} + \epsilon), \qquad
        \hat m_t = m_t / (1 - \beta_1^t), \quad \hat v_t = v_t / (1 - \beta_2^t)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. The formulas are those of
    ``torch.optim.Adam``; what scikit-learn, Keras and TensorFlow compute is `eps_hat`.

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
    amsgrad : bool
        Put the largest :math:`v` so far in the place of :math:`v_t`. Fixed when the optimizer is
        made. See `AMSGrad` for Reddi et al.'s own form.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \alpha\lambda` instead of changing the gradient, as
        `AdamW` does.
    bias_correction : bool
        False takes :math:`\hat m_t = m_t`, :math:`\hat v_t = v_t`.
    eps_hat : bool
        Take `eps` for the paper's :math:`\hat\epsilon`: :math:`\theta_t = \theta_{t-1} - \alpha_t
        m_t / (\sqrt{v_t} + \hat\epsilon)`, :math:`\alpha_t = \alpha \sqrt{1 - \beta_2^t} /
        (1 - \beta_1^t)`.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = {"weights": np.ones((2, 3), np.float32), "bias": np.zeros(3, np.float32)}
    >>> optimizer = instep.Adam(w, lr=0.125)
    >>> optimizer.step({"weights": np.full((2, 3), 0.5, np.float32), "bias": None})
    >>> w["weights"].round(6)
    array([[0.875, 0.875, 0.875],
           [0.875, 0.875, 0.875]], dtype=float32)
    >>> w["bias"]
    array([0., 0., 0.], dtype=float32)
    """

    _rule = Rule(
        "adam",
        switches={"max_exp_avg_sq": "amsgrad"},
        not_in_torch=("bias_correction", "eps_hat"),
    )

    lr: LearningRate = LearningRate()
    betas: Betas[tuple[float, float]] = Betas()
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    amsgrad: Flag[bool] = Flag()
    decoupled_weight_decay: Flag = Flag()
    bias_correction: Flag = Flag()
    eps_hat: Flag = Flag()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.999),
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        amsgrad: bool = False,
        *,
        decoupled_weight_decay: bool | FlagSchedule = False,
        bias_correction: bool | FlagSchedule = True,
        eps_hat: bool | FlagSchedule = False,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
