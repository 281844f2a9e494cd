"""RMSprop."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array


@each_array
def rmsprop_step(
    param: Arrays,
    grad: Arrays,
    square_avg: Arrays,
    grad_avg: Arrays | None = None,
    momentum_buffer: Arrays | None = None,
    *,
    step: int | None = None,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    eps_inside_sqrt: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by RMSprop, in place.

    .. math::

        v_t &= \alpha \, v_{t-1} + (1 - \alpha) \, g_t^2 \\
        \theta_t &= \theta_{t-1} - \gamma \, g_t / (\sqrt{v_t} + \epsilon)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`, :math:`\gamma` = `lr`, :math:`\lambda` =
    `weight_decay`. Centered, the variance :math:`\max(v_t - \bar g_t^2, 0)` stands for
    :math:`v_t`, with :math:`\bar g_t = \alpha \, \bar g_{t-1} + (1 - \alpha) \, g_t`. With
    momentum the quotient is added to :math:`b_t = \mu \, b_{t-1} + g_t / (\dots)` and
    :math:`\theta_t = \theta_{t-1} - \gamma \, b_t`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    square_avg : ndarray or sequence of ndarray
        Running mean :math:`v` of the squared gradient, of the parameter's shape, the
        initial accumulator value at first. Changed in place.
    grad_avg : ndarray or sequence of ndarray, optional
        Running mean :math:`\bar g` of the gradient, zeros at first. Changed in place. Passing it
        centers.
    momentum_buffer : ndarray or sequence of ndarray, optional
        Running sum :math:`b`, zeros at first. Changed in place. Passing it switches momentum on.
    %(step)s
    lr : float
        Learning rate, at least 0.
    alpha : float
        Decay rate of the running means, at least 0.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    momentum : float
        Factor :math:`\mu` of the old buffer, at least 0.
    eps_inside_sqrt : bool
        Divide by :math:`\sqrt{v_t + \epsilon}`, as Keras, Optax and TensorFlow do.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    Notes
    -----
    Rounding can make :math:`v_t - \bar g_t^2` negative; the clamp at 0 keeps it from becoming a
    NaN (a NaN stays one). ``torch.optim.RMSprop`` does not clamp.

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: RMSProp", COURSERA: Neural Networks for Machine
    Learning, 2012.

    A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv:1308.0850, 2013
    (centered).

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import rmsprop_step
    >>> w, v = np.array([1.0, 2.0]), np.zeros(2)
    >>> rmsprop_step(w, np.array([0.5, -0.5]), v, lr=0.25, alpha=0.75, eps=0.0)
    >>> w
    array([0.5, 2.5])
    """
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param

    square_avg[...] = alpha * square_avg + (1.0 - alpha) * (grad * grad)
    variance = square_avg
    if grad_avg is not None:
        grad_avg[...] = alpha * grad_avg + (1.0 - alpha) * grad
        variance = square_avg - grad_avg * grad_avg
        variance = np.where(variance < 0, np.zeros_like(variance), variance)

    inside, outside = (eps, 0.0) if eps_inside_sqrt else (0.0, eps)
    quotient = grad / (np.sqrt(variance + inside) + outside)
    if momentum_buffer is not None:
        momentum_buffer[...] = momentum * momentum_buffer + quotient
        quotient = momentum_buffer
    param -= lr * quotient
