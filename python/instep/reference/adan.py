"""Adan."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array, power


@each_array
def adan_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_avg_sq: Arrays,
    exp_avg_diff: Arrays,
    neg_pre_grad: Arrays,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.98,
    beta2: float = 0.92,
    beta3: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    no_prox: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by Adan, in place.

    .. math::

        d_t &= g_t - g_{t-1}, \qquad d_1 = 0 \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, d_t \\
        n_t &= \beta_3 n_{t-1} + (1 - \beta_3) \, (g_t + \beta_2 d_t)^2 \\
        \theta_t &= \frac{1}{1 + \alpha\lambda} \left( \theta_{t-1} - \alpha \,
        \frac{\hat m_t + \beta_2 \hat v_t}{\sqrt{\hat n_t} + \epsilon} \right)

    where a mean with a hat is divided by :math:`1 - \beta^t` of its own :math:`\beta`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    exp_avg, exp_avg_sq, exp_avg_diff : ndarray or sequence of ndarray
        Means :math:`m` of the gradient, :math:`n` of the square of where it is going, and :math:`v`
        of its change, of the parameter's shape, zeros before step 1. Changed in place.
    neg_pre_grad : ndarray or sequence of ndarray
        The last gradient, negative; anything before step 1. Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate :math:`\alpha`, at least 0.
    beta1, beta2, beta3 : float
        Decay rates of the means of gradients, of their changes, and of squares, in [0, 1): one
        minus those of the paper.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0.
    no_prox : bool
        Multiply the parameter by :math:`1 - \alpha\lambda` before the step instead of dividing it
        by :math:`1 + \alpha\lambda` after it.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    X. Xie et al., "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models",
    arXiv:2208.06677, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import adan_step
    >>> w, states = np.array([1.0, 2.0]), [np.zeros(2) for _ in range(4)]
    >>> adan_step(w, np.array([0.5, -0.5]), *states, step=1, lr=0.25, eps=0.0)
    >>> w.round(12)
    array([0.75, 2.25])
    """
    if maximize:
        grad = -grad

    difference = np.zeros_like(grad) if step == 1 else neg_pre_grad + grad
    exp_avg[...] = beta1 * exp_avg + (1.0 - beta1) * grad
    exp_avg_diff[...] = beta2 * exp_avg_diff + (1.0 - beta2) * difference
    ahead = grad + beta2 * difference
    exp_avg_sq[...] = beta3 * exp_avg_sq + (1.0 - beta3) * (ahead * ahead)
    neg_pre_grad[...] = -grad

    root = math.sqrt(1.0 - power(beta3, step))
    mean_size = lr * root / (1.0 - power(beta1, step))
    diff_size = lr * beta2 * root / (1.0 - power(beta2, step))
    update = (mean_size * exp_avg + diff_size * exp_avg_diff) / (np.sqrt(exp_avg_sq) + eps * root)
    if weight_decay and no_prox:
        param *= 1.0 - lr * weight_decay
    param -= update
    if weight_decay and not no_prox:
        param *= 1.0 / (1.0 + lr * weight_decay)
