"""RAdam."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array, power


@each_array
def radam_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_avg_sq: Arrays,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by RAdam, in place.

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

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}` or, of decay that is decoupled,
    :math:`g_t = \pm\nabla f` and :math:`(1 - \alpha\lambda) \, \theta_{t-1}` in the place of
    :math:`\theta_{t-1}`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    exp_avg, exp_avg_sq : ndarray or sequence of ndarray
        First and second moment :math:`m`, :math:`v`, of the parameter's shape, zeros
        before step 1. Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate :math:`\alpha`, at least 0.
    beta1, beta2 : float
        Decay rates of the moments, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0: :math:`\lambda\theta_{t-1}` is added to the gradient.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \alpha\lambda` instead.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    L. Liu, H. Jiang, P. He, W. Chen, X. Liu, J. Gao, J. Han, "On the Variance of the Adaptive
    Learning Rate and Beyond", ICLR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import radam_step
    >>> w, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> radam_step(w, np.array([0.5, -4.0]), m, v, step=1, lr=0.5, beta1=0.5)
    >>> w
    array([0.75, 4.  ])
    """
    if maximize:
        grad = -grad
    if weight_decay and decoupled_weight_decay:
        param *= 1.0 - lr * weight_decay
    elif weight_decay:
        grad = grad + weight_decay * param

    exp_avg[...] = beta1 * exp_avg + (1.0 - beta1) * grad
    exp_avg_sq[...] = beta2 * exp_avg_sq + (1.0 - beta2) * (grad * grad)

    kept = power(beta2, step)
    correction1, correction2 = 1.0 - power(beta1, step), 1.0 - kept
    longest = 2.0 / (1.0 - beta2) - 1.0
    length = longest - 2.0 * step * kept / correction2
    if length > 5.0:
        limit = (longest - 4.0) * (longest - 2.0) * length
        rectification = math.sqrt((length - 4.0) * (length - 2.0) * longest / limit)
        step_size = lr * math.sqrt(correction2) * rectification / correction1
        param -= step_size * (exp_avg / (np.sqrt(exp_avg_sq) + eps))
    else:
        param -= lr / correction1 * exp_avg
