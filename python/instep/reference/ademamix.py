"""AdEMAMix."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array, power
from instep.reference.elementary import portable_exp, portable_log


@each_array
def ademamix_step(
    param: Arrays,
    grad: Arrays,
    exp_avg_fast: Arrays,
    exp_avg_slow: Arrays,
    exp_avg_sq: Arrays,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    beta3: float = 0.9999,
    alpha: float = 2.0,
    beta3_warmup: float | None = None,
    alpha_warmup: float | None = None,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by AdEMAMix, in place.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        s_t &= \beta_3(t) \, s_{t-1} + (1 - \beta_3(t)) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        \theta_t &= (1 - \eta\lambda) \, \theta_{t-1}
        - \eta \, \frac{\hat m_t + \alpha(t) \, s_t}{\sqrt{\hat v_t} + \epsilon}, \qquad
        \hat m_t = m_t / (1 - \beta_1^t), \quad \hat v_t = v_t / (1 - \beta_2^t)

    With warm-ups of :math:`T` steps, and :math:`\tau = t/T < 1`,
    :math:`\alpha(t) = \tau\alpha` and :math:`1 / \ln \beta_3(t) = (1 - \tau) / \ln \beta_1 + \tau /
    \ln \beta_3`, which begins at :math:`\beta_1`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    exp_avg_fast, exp_avg_slow, exp_avg_sq : ndarray or sequence of ndarray
        Means :math:`m` and :math:`s` of the gradient, fast and slow, and :math:`v` of its square,
        of the parameter's shape, zeros before step 1. Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate :math:`\eta`, at least 0.
    beta1, beta2, beta3 : float
        Decay rates of the fast mean, of the square and of the slow mean, in [0, 1).
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
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    M. Pagliardini, P. Ablin, D. Grangier, "The AdEMAMix Optimizer: Better, Faster, Older",
    arXiv:2409.03137, 2024, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import ademamix_step
    >>> w, states = np.array([1.0, 2.0]), [np.zeros(2) for _ in range(3)]
    >>> ademamix_step(w, np.array([0.5, -0.5]), *states, step=1, lr=0.25, beta3=0.5, eps=0.0)
    >>> w.round(12)
    array([0.5, 2.5])
    """
    if maximize:
        grad = -grad
    if beta3_warmup is not None and step < beta3_warmup and beta1 < beta3:
        part = step / beta3_warmup
        inverse_log = (1.0 - part) / portable_log(beta1) + part / portable_log(beta3)
        beta3 = portable_exp(1.0 / inverse_log)
    if alpha_warmup is not None and step < alpha_warmup:
        alpha = step / alpha_warmup * alpha

    exp_avg_fast[...] = beta1 * exp_avg_fast + (1.0 - beta1) * grad
    exp_avg_slow[...] = beta3 * exp_avg_slow + (1.0 - beta3) * grad
    exp_avg_sq[...] = beta2 * exp_avg_sq + (1.0 - beta2) * (grad * grad)

    root = math.sqrt(1.0 - power(beta2, step))
    fast_size = lr * root / (1.0 - power(beta1, step))
    slow_size = lr * root * alpha
    above = fast_size * exp_avg_fast + slow_size * exp_avg_slow
    if weight_decay:
        param *= 1.0 - lr * weight_decay
    param -= above / (np.sqrt(exp_avg_sq) + eps * root)
