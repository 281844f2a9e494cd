"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Unpack

from instep.reference._common import Arrays, Further, each_array


@each_array
def sgd_step(
    param: Arrays,
    grad: Arrays,
    momentum_buffer: Arrays | None = None,
    *,
    step: int,
    lr: float = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by stochastic gradient descent, in place.

    .. math::

        b_t &= \mu \, b_{t-1} + (1 - \tau) \, g_t, \qquad b_1 = g_1 \\
        \theta_t &= \theta_{t-1} - \gamma \, b_t \\
        \theta_t &= \theta_{t-1} - \gamma \, (g_t + \mu \, b_t) \quad \text{(Nesterov)}

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`, :math:`\gamma` = `lr`, :math:`\mu` =
    `momentum`, :math:`\tau` = `dampening`, :math:`\lambda` = `weight_decay`; without a momentum
    buffer :math:`b_t = g_t`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    momentum_buffer : ndarray or sequence of ndarray, optional
        Running sum :math:`b`, of the parameter's shape, zeros before step 1. Changed in
        place. Passing it switches momentum on.
    step : int
        Number of this step, from 1: at step 1 the buffer takes the gradient undampened.
    lr : float
        Learning rate, at least 0.
    momentum, dampening : float
        Factor of the old buffer, at least 0, and one minus the factor of the new gradient.
    nesterov : bool
        Look ahead as Sutskever et al. do. Needs a momentum above 0 and no dampening.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and
    momentum in deep learning", ICML 2013; the form is that of ``torch.optim.SGD``.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import sgd_step
    >>> w = np.array([1.0, 2.0])
    >>> sgd_step(w, np.array([0.5, -0.5]), step=1, lr=0.5)
    >>> w
    array([0.75, 2.25])
    """
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param
    if momentum_buffer is None:
        param -= lr * grad
        return
    keep = 0.0 if step == 1 else momentum
    take = 1.0 if step == 1 else 1.0 - dampening
    momentum_buffer[...] = keep * momentum_buffer + take * grad
    if nesterov:
        param -= lr * (grad + momentum * momentum_buffer)
    else:
        param -= lr * momentum_buffer
