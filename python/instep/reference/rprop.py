"""Rprop."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array


@each_array
def rprop_step(
    param: Arrays,
    grad: Arrays,
    prev: Arrays,
    step_size: Arrays,
    *,
    step: int | None = None,
    lr: float = 1e-2,
    etaminus: float = 0.5,
    etaplus: float = 1.2,
    step_size_min: float = 1e-6,
    step_size_max: float = 50.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by Rprop, in place.

    .. math::

        \Delta_t &= \min(\max(\Delta_{t-1} \cdot \begin{cases}
        \eta^+ & g_t \, g_{t-1}' > 0 \\ \eta^- & g_t \, g_{t-1}' < 0 \\
        1 & \text{else} \end{cases}, \Delta_{\min}), \Delta_{\max}) \\
        g_t' &= \begin{cases} 0 & g_t \, g_{t-1}' < 0 \\ g_t & \text{else} \end{cases} \\
        \theta_t &= \theta_{t-1} - \Delta_t \, \operatorname{sign}(g_t')

    with :math:`g_t = \pm\nabla f` and :math:`g_0' = 0`. Where :math:`g_t` is NaN, so is
    :math:`\theta_t`.

    Parameters
    ----------
    %(param)s
    %(grad)s
    prev : ndarray or sequence of ndarray
        The gradient :math:`g'` of the step before, of the parameter's shape, zeros before step 1.
        Changed in place.
    step_size : ndarray or sequence of ndarray
        The step size :math:`\Delta` of each element, of the parameter's shape. A negative one is
        begun at `lr`, so that before step 1 all may be -1. Changed in place.
    %(step)s
    lr : float
        Step size :math:`\Delta_0`, at least 0, of elements whose `step_size` is negative.
    etaminus, etaplus : float
        Factors :math:`\eta^-`, between 0 and 1, and :math:`\eta^+`, above 1, of the step size where
        the gradient's sign changes and where it does not.
    step_size_min, step_size_max : float
        Least and largest step size, at least 0.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    M. Riedmiller, H. Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The
    RPROP Algorithm", ICNN 1993.

    C. Igel, M. Huesken, "Improving the Rprop Learning Algorithm", NC 2000: iRprop-.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import rprop_step
    >>> w, prev, step_size = np.array([1.0, 2.0]), np.array([0.5, 0.5]), np.array([0.25, 0.25])
    >>> rprop_step(w, np.array([8.0, -4.0]), prev, step_size, etaplus=2.0)
    >>> w, prev, step_size
    (array([0.5, 2. ]), array([8., 0.]), array([0.5  , 0.125]))
    """
    if maximize:
        grad = -grad

    change = grad * prev
    size = np.where(step_size < 0.0, lr, step_size)
    size = np.where(change > 0.0, size * etaplus, np.where(change < 0.0, size * etaminus, size))
    size = np.where(step_size_min > size, step_size_min, size)
    step_size[...] = np.where(step_size_max < size, step_size_max, size)
    prev[...] = np.where(change < 0.0, 0.0, grad)
    param -= np.sign(prev) * step_size
