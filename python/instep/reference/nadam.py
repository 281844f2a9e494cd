"""NAdam."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, Scalars, each_array, power
from instep.reference.elementary import portable_pow


@each_array
def nadam_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_avg_sq: Arrays,
    mu_product: Scalars,
    *,
    step: int,
    lr: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by NAdam, in place.

    .. math::

        \mu_t &= \beta_1 (1 - \tfrac12 \, 0.96^{t \psi}) \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        \hat m_t &= \mu_{t+1} m_t / (1 - \textstyle\prod_{i=1}^{t+1} \mu_i)
        + (1 - \mu_t) \, g_t / (1 - \textstyle\prod_{i=1}^{t} \mu_i) \\
        \theta_t &= \theta_{t-1} - \gamma \, \hat m_t / (\sqrt{\hat v_t} + \epsilon), \qquad
        \hat v_t = v_t / (1 - \beta_2^t)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`, computed with
    :math:`\sqrt{1 - \beta_2^t}` in the coefficients as in `adam_step`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    exp_avg, exp_avg_sq : ndarray or sequence of ndarray
        First and second moment :math:`m`, :math:`v`, of the parameter's shape, zeros
        before step 1. Changed in place.
    mu_product : ndarray or sequence of ndarray
        Product of all :math:`\mu_i` so far, an array of one float64 without axes, 1 before step 1.
        Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate :math:`\gamma`, at least 0.
    beta1, beta2 : float
        Decay rates of the moments, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0: :math:`\lambda\theta_{t-1}` is added to the gradient.
    momentum_decay : float
        How fast :math:`\mu` grows to :math:`\beta_1`: :math:`\psi`, at least 0.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \gamma\lambda` instead.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import nadam_step
    >>> w, m, v, mu_product = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2), np.array(1.0)
    >>> nadam_step(w, np.array([0.5, -0.5]), m, v, mu_product, step=1, lr=0.25, eps=0.0)
    >>> w.round(4), mu_product.round(4)
    (array([0.7359, 2.2641]), np.float64(0.4501))
    """
    if maximize:
        grad = -grad
    if weight_decay and decoupled_weight_decay:
        param *= 1.0 - lr * weight_decay
    elif weight_decay:
        grad = grad + weight_decay * param

    mu, next_mu = (
        beta1 * (1.0 - 0.5 * portable_pow(0.96, t * momentum_decay))
        for t in (float(step), float(step) + 1.0)
    )
    product = float(mu_product) * mu
    mu_product[...] = product

    exp_avg[...] = beta1 * exp_avg + (1.0 - beta1) * grad
    exp_avg_sq[...] = beta2 * exp_avg_sq + (1.0 - beta2) * (grad * grad)
    root = math.sqrt(1.0 - power(beta2, step))
    grad_size = lr * root * (1.0 - mu) / (1.0 - product)
    moment_size = lr * root * next_mu / (1.0 - product * next_mu)
    param -= (grad_size * grad + moment_size * exp_avg) / (np.sqrt(exp_avg_sq) + eps * root)
