"""Adam, with AdamW's decay and AMSGrad's maximum as options."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array, power


@each_array
def adam_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_avg_sq: Arrays,
    max_exp_avg_sq: Arrays | None = None,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    bias_correction: bool = True,
    eps_hat: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by Adam, AdamW or AMSGrad, in place.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        \theta_t &= \theta_{t-1} - \alpha \, \hat m_t / (\sqrt{\hat v_t} + \epsilon), \qquad
        \hat m_t = m_t / (1 - \beta_1^t), \quad \hat v_t = v_t / (1 - \beta_2^t)

    computed in the order that the paper recommends at the end of its section 2,
    :math:`\theta_t = \theta_{t-1} - \alpha_t \, m_t / (\sqrt{v_t} + \epsilon_t)` with
    :math:`\alpha_t = \alpha \sqrt{1 - \beta_2^t} / (1 - \beta_1^t)` and
    :math:`\epsilon_t = \epsilon \sqrt{1 - \beta_2^t}`. AMSGrad puts
    :math:`\max(\hat v_{t-1}, v_t)`, the largest uncorrected second moment so far, in the place of
    :math:`v_t`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    exp_avg, exp_avg_sq : ndarray or sequence of ndarray
        First and second moment :math:`m`, :math:`v`, of the parameter's shape, zeros
        before step 1. Changed in place.
    max_exp_avg_sq : ndarray or sequence of ndarray, optional
        Largest second moment so far, zeros before step 1. Changed in place. Passing it switches
        AMSGrad on.
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
        Multiply the parameter by :math:`1 - \alpha\lambda` instead (AdamW).
    bias_correction : bool
        False leaves the moments uncorrected: :math:`\alpha_t = \alpha`,
        :math:`\epsilon_t = \epsilon`. Reddi et al. state AMSGrad in this form.
    eps_hat : bool
        True takes :math:`\epsilon_t = \epsilon`, the paper's :math:`\hat\epsilon`.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.

    I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.

    S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import adam_step
    >>> w, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> adam_step(w, np.array([0.5, -0.5]), m, v, step=1, lr=0.25, eps=0.0)
    >>> w.round(12)
    array([0.75, 2.25])
    """
    if maximize:
        grad = -grad
    if weight_decay and decoupled_weight_decay:
        param *= 1.0 - lr * weight_decay
    elif weight_decay:
        grad = grad + weight_decay * param

    exp_avg[...] = beta1 * exp_avg + (1.0 - beta1) * grad
    exp_avg_sq[...] = beta2 * exp_avg_sq + (1.0 - beta2) * (grad * grad)
    second_moment = exp_avg_sq
    if max_exp_avg_sq is not None:
        max_exp_avg_sq[...] = np.where(max_exp_avg_sq > exp_avg_sq, max_exp_avg_sq, exp_avg_sq)
        second_moment = max_exp_avg_sq

    step_size = lr
    if bias_correction:
        root = math.sqrt(1.0 - power(beta2, step))
        step_size = lr * root / (1.0 - power(beta1, step))
        eps = eps if eps_hat else eps * root
    param -= step_size * (exp_avg / (np.sqrt(second_moment) + eps))
