"""AdaBelief."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array, power


@each_array
def adabelief_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_avg_var: Arrays,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-16,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = True,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by AdaBelief, in place.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        s_t &= \beta_2 s_{t-1} + (1 - \beta_2) \, (g_t - m_t)^2 + \epsilon \\
        \theta_t &= (1 - \alpha\lambda) \, \theta_{t-1}
        - \alpha \, \hat m_t / (\sqrt{\hat s_t} + \epsilon), \qquad
        \hat m_t = m_t / (1 - \beta_1^t), \quad \hat s_t = s_t / (1 - \beta_2^t)

    computed in the order of `adam_step`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    exp_avg, exp_avg_var : ndarray or sequence of ndarray
        Mean of the gradient :math:`m` and of the square of its distance from that, :math:`s`, of
        the parameter's shape, zeros before step 1. Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate :math:`\alpha`, at least 0.
    beta1, beta2 : float
        Decay rates of the means, in [0, 1).
    eps : float
        Term that is added to :math:`s` at each step, and to its root, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0.
    decoupled_weight_decay : bool
        False adds :math:`\lambda\theta_{t-1}` to the gradient instead.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    J. Zhuang et al., "AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients",
    NeurIPS 2020, algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import adabelief_step
    >>> w, m, s = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> adabelief_step(w, np.array([4.0, -4.0]), m, s, step=1, lr=0.25, beta1=0.5, eps=0.0)
    >>> w.round(12)
    array([0.5, 2.5])
    """
    if maximize:
        grad = -grad
    if weight_decay and decoupled_weight_decay:
        param *= 1.0 - lr * weight_decay
    elif weight_decay:
        grad = grad + weight_decay * param

    exp_avg[...] = beta1 * exp_avg + (1.0 - beta1) * grad
    surprise = grad - exp_avg
    exp_avg_var[...] = beta2 * exp_avg_var + (1.0 - beta2) * (surprise * surprise) + eps

    root = math.sqrt(1.0 - power(beta2, step))
    step_size = lr * root / (1.0 - power(beta1, step))
    param -= step_size * (exp_avg / (np.sqrt(exp_avg_var) + eps * root))
