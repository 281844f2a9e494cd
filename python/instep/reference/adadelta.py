"""Adadelta."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array


@each_array
def adadelta_step(
    param: Arrays,
    grad: Arrays,
    square_avg: Arrays,
    acc_delta: Arrays,
    *,
    step: int | None = None,
    lr: float = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by Adadelta, in place.

    .. math::

        E[g^2]_t &= \rho \, E[g^2]_{t-1} + (1 - \rho) \, g_t^2 \\
        \Delta_t &= \frac{\sqrt{E[\Delta^2]_{t-1} + \epsilon}}{\sqrt{E[g^2]_t + \epsilon}} \, g_t \\
        E[\Delta^2]_t &= \rho \, E[\Delta^2]_{t-1} + (1 - \rho) \, \Delta_t^2 \\
        \theta_t &= \theta_{t-1} - \gamma \, \Delta_t

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`, :math:`\lambda` = `weight_decay`, and
    :math:`\gamma` = `lr`, which the paper does not have (it is 1 there).

    Parameters
    ----------
    %(param)s
    %(grad)s
    square_avg, acc_delta : ndarray or sequence of ndarray
        Running means :math:`E[g^2]` and :math:`E[\Delta^2]`, of the parameter's shape,
        zeros at first. Changed in place.
    %(step)s
    lr : float
        Learning rate, at least 0.
    rho : float
        Decay rate of the running means, in [0, 1].
    eps : float
        Term inside both roots, at least 0. It sets the size of the first steps.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    M. D. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import adadelta_step
    >>> w, v, d = np.array([1.0, 2.0]), np.zeros(2), np.full(2, 0.25)
    >>> adadelta_step(w, np.array([0.5, -0.5]), v, d, lr=1.0, rho=0.0, eps=0.0)
    >>> w
    array([0.5, 2.5])
    """
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param

    square_avg[...] = rho * square_avg + (1.0 - rho) * (grad * grad)
    delta = np.sqrt(acc_delta + eps) / np.sqrt(square_avg + eps) * grad
    acc_delta[...] = rho * acc_delta + (1.0 - rho) * (delta * delta)
    param -= lr * delta
