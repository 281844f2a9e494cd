"""FTRL-Proximal."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array


@each_array
def ftrl_step(
    param: Arrays,
    grad: Arrays,
    accumulator: Arrays,
    linear: Arrays,
    *,
    step: int | None = None,
    lr: float = 1e-3,
    beta: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by FTRL-Proximal, in place.

    .. math::

        n_t &= n_{t-1} + g_t^2 \\
        z_t &= z_{t-1} + g_t - \frac{\sqrt{n_t} - \sqrt{n_{t-1}}}{\alpha} \, \theta_{t-1} \\
        \theta_t &= \begin{cases} 0 & \text{if } |z_t| \le \lambda_1 \\
        \dfrac{\mathrm{sign}(z_t) \lambda_1 - z_t}{(\beta + \sqrt{n_t}) / \alpha + 2 \lambda_2}
        & \text{otherwise} \end{cases}

    Parameters
    ----------
    %(param)s
    %(grad)s
    accumulator, linear : ndarray or sequence of ndarray
        Sum of the squared gradients :math:`n` and coefficient :math:`z` of the linear term, of the
        parameter's shape, at first a number of at least 0 and zeros. Changed in place.
    %(step)s
    lr : float
        Learning rate :math:`\alpha`, above 0.
    beta : float
        Term :math:`\beta` that is added to the root of the sum, at least 0.
    l1 : float
        Factor :math:`\lambda_1` of the parameter's magnitude, at least 0: the more, the more
        elements are exactly 0.
    l2 : float
        Factor :math:`\lambda_2` of the parameter's square, at least 0. The paper's is twice this.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    H. B. McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import ftrl_step
    >>> w, n, z = np.zeros(3), np.zeros(3), np.zeros(3)
    >>> ftrl_step(w, np.array([2.0, -2.0, 0.25]), n, z, lr=0.5, l1=0.5)
    >>> w
    array([-0.375,  0.375,  0.   ])
    """
    if maximize:
        grad = -grad

    squares = accumulator + grad * grad
    root = np.sqrt(squares)
    linear += grad - (root - np.sqrt(accumulator)) * (1.0 / lr) * param
    accumulator[...] = squares
    curvature = root * (1.0 / lr) + (beta / lr + 2.0 * l2)
    minimum = np.where(linear < 0.0, -l1 - linear, l1 - linear) / curvature
    param[...] = np.where(np.abs(linear) <= l1, 0.0, minimum)
