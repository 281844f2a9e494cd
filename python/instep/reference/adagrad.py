"""Adagrad."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array


@each_array
def adagrad_step(
    param: Arrays,
    grad: Arrays,
    state_sum: Arrays,
    *,
    step: int,
    lr: float = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    eps: float = 1e-10,
    eps_inside_sqrt: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by Adagrad (its diagonal form), in place.

    .. math::

        s_t &= s_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \frac{\gamma}{1 + (t - 1)\eta} \, g_t / (\sqrt{s_t} + \epsilon)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`, :math:`\gamma` = `lr`, :math:`\eta` =
    `lr_decay`, :math:`\lambda` = `weight_decay`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    state_sum : ndarray or sequence of ndarray
        Sum :math:`s` of the squared gradients, of the parameter's shape, the initial
        accumulator value at first. Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate, at least 0.
    lr_decay : float
        Decay :math:`\eta` of the learning rate, at least 0.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    eps_inside_sqrt : bool
        Divide by :math:`\sqrt{s_t + \epsilon}`, as Keras and Optax do.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import adagrad_step
    >>> w, s = np.array([1.0, 2.0]), np.zeros(2)
    >>> adagrad_step(w, np.array([0.5, -0.5]), s, step=1, lr=0.25, eps=0.0)
    >>> w
    array([0.75, 2.25])
    """
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param

    state_sum[...] = state_sum + grad * grad
    inside, outside = (eps, 0.0) if eps_inside_sqrt else (0.0, eps)
    step_size = lr / (1.0 + (step - 1) * lr_decay)
    param -= step_size * (grad / (np.sqrt(state_sum + inside) + outside))
