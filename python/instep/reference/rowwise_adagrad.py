"""Row-wise Adagrad."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array
from instep.reference.sums import mean_of_squares_of_rows


@each_array
def rowwise_adagrad_step(
    param: Arrays,
    grad: Arrays,
    state_sum: Arrays,
    *,
    step: int | None = None,
    lr: float = 1e-2,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by row-wise Adagrad, in place.

    .. math::

        s_{t,i} &= s_{t-1,i} + \frac{1}{D} \sum_j g_{t,ij}^2 \\
        \theta_{t,ij} &= \theta_{t-1,ij} - \frac{\gamma}{\sqrt{s_{t,i}} + \epsilon} \, g_{t,ij}

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`, :math:`\gamma` = `lr`, :math:`\lambda` =
    `weight_decay`. A row :math:`i`, of :math:`D` elements, is what has one index of the first
    axis. The squares are summed in float64, in the order in which `grad_norm` sums those of one
    array, and their mean is rounded.

    Parameters
    ----------
    %(param)s
    %(grad)s
    state_sum : ndarray or sequence of ndarray
        Sum :math:`s` of the mean squares, one number for each row: of the shape
        ``param.shape[:1]`` and the working type, the initial accumulator value at first. Changed in
        place.
    %(step)s
    lr : float
        Learning rate, at least 0.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0: :math:`\lambda\theta_{t-1}` is added to the gradient.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \gamma\lambda` instead.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    D. Khudia et al., "FBGEMM: Enabling High-Performance Low-Precision Deep Learning Inference",
    arXiv:2101.05615, 2021.

    J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import rowwise_adagrad_step
    >>> table, sums = np.ones((2, 2)), np.zeros(2)
    >>> rowwise_adagrad_step(table, np.array([[1.0, 7.0], [0.5, -0.5]]), sums, lr=0.25, eps=0.0)
    >>> sums
    array([25.  ,  0.25])
    >>> table
    array([[0.95, 0.65],
           [0.75, 1.25]])
    """
    if param.size == 0:
        return
    if maximize:
        grad = -grad
    if weight_decay and decoupled_weight_decay:
        param *= 1.0 - lr * weight_decay
    elif weight_decay:
        grad = grad + weight_decay * param

    state_sum[...] = state_sum + mean_of_squares_of_rows(grad)
    rate = lr / (np.sqrt(state_sum) + eps)
    param -= rate.reshape(rate.shape + (1,) * (param.ndim - rate.ndim)) * grad
