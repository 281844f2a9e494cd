"""Adamax."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array, power


@each_array
def adamax_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_inf: Arrays,
    *,
    step: int,
    lr: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by Adamax, in place.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        u_t &= \max(\beta_2 u_{t-1}, |g_t| + \epsilon) \\
        \theta_t &= \theta_{t-1} - \frac{\alpha}{1 - \beta_1^t} \, m_t / u_t

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. The paper has no :math:`\epsilon`; its
    place is that of ``torch.optim.Adamax``.

    Parameters
    ----------
    %(param)s
    %(grad)s
    exp_avg, exp_inf : ndarray or sequence of ndarray
        First moment :math:`m` and decayed maximum :math:`u`, of the parameter's shape, zeros
        before step 1. Changed in place. A NaN in the new gradient replaces the maximum; one in the
        old maximum is forgotten.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate :math:`\alpha`, at least 0.
    beta1, beta2 : float
        Decay rates of the moment and of the maximum, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import adamax_step
    >>> w, m, u = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> adamax_step(w, np.array([0.5, -4.0]), m, u, step=1, lr=0.25, beta1=0.5, eps=0.0)
    >>> w
    array([0.75, 2.25])
    """
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param

    exp_avg[...] = beta1 * exp_avg + (1.0 - beta1) * grad
    decayed = beta2 * exp_inf
    magnitude = np.abs(grad) + eps
    exp_inf[...] = np.where(decayed > magnitude, decayed, magnitude)
    param -= lr / (1.0 - power(beta1, step)) * (exp_avg / exp_inf)
