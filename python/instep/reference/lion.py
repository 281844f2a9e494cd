"""Lion."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array


@each_array
def lion_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    *,
    step: int | None = None,
    lr: float = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by Lion, in place.

    .. math::

        \theta_t &= (1 - \alpha\lambda) \, \theta_{t-1}
        - \alpha \, \mathrm{sign}(\beta_1 m_{t-1} + (1 - \beta_1) \, g_t) \\
        m_t &= \beta_2 m_{t-1} + (1 - \beta_2) \, g_t

    with :math:`g_t = \pm\nabla f`. The sign of 0 is 0, and that of a NaN is NaN.

    Parameters
    ----------
    %(param)s
    %(grad)s
    exp_avg : ndarray or sequence of ndarray
        Moment :math:`m`, of the parameter's shape, zeros before step 1. Changed in place.
    %(step)s
    lr : float
        Learning rate :math:`\alpha`, at least 0: how far each element goes.
    beta1 : float
        How much of the moment the direction has, in [0, 1).
    beta2 : float
        Decay rate of the moment, in [0, 1).
    weight_decay : float
        Decay :math:`\lambda`, at least 0: the parameter is multiplied by
        :math:`1 - \alpha\lambda`.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    X. Chen, C. Liang, D. Huang, E. Real, K. Wang, Y. Liu, H. Pham, X. Dong, T. Luong, C.-J. Hsieh,
    Y. Lu, Q. V. Le, "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import lion_step
    >>> w, m = np.array([1.0, 2.0, 3.0]), np.zeros(3)
    >>> lion_step(w, np.array([0.5, -4.0, 0.0]), m, lr=0.25, beta2=0.5)
    >>> w, m
    (array([0.75, 2.25, 3.  ]), array([ 0.25, -2.  ,  0.  ]))
    """
    if maximize:
        grad = -grad
    if weight_decay:
        param *= 1.0 - lr * weight_decay

    direction = np.sign(beta1 * exp_avg + (1.0 - beta1) * grad)
    exp_avg[...] = beta2 * exp_avg + (1.0 - beta2) * grad
    param -= lr * direction
