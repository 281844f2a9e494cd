"""ScheduleFreeSGD."""

from __future__ import annotations

from typing import Unpack

from instep.reference._common import Arrays, Further, Scalars, each_array
from instep.reference.schedule_free import averaging, rate_of_y


@each_array
def schedule_free_sgd_step(
    param: Arrays,
    grad: Arrays,
    z: Arrays,
    weight_sum: Scalars,
    lr_max: Scalars,
    *,
    step: int,
    lr: float = 1.0,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    warmup_steps: float = 0,
    r: float = 0.0,
    weight_lr_power: float = 2.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by schedule-free SGD, in place.

    .. math::

        z_{t+1} &= z_t - \gamma_t \, g_t \\
        x_{t+1} &= (1 - c_t) x_t + c_t z_{t+1} \\
        y_{t+1} &= \beta x_{t+1} + (1 - \beta) z_{t+1}

    with :math:`g_t = \pm\nabla f(y_t) + \lambda y_t`, :math:`\beta` = `momentum`, :math:`\lambda` =
    `weight_decay`; :math:`\gamma_t` is `lr`, in the first `warmup_steps` steps :math:`t` /
    `warmup_steps` of it, and :math:`c_t` the part that

    .. math::

        w_t = t^r \max_{s \le t} \gamma_s^p

    has in the sum of all weights so far. The parameter holds :math:`y`; `exchange_points` brings it
    to :math:`x`, the mean that is learned, and back.

    Parameters
    ----------
    %(param)s
    %(grad)s
    z : ndarray or sequence of ndarray
        Point :math:`z` at which steps are taken, of the parameter's shape, a copy of it at first.
        Changed in place.
    weight_sum : ndarray or sequence of ndarray
        Sum of the weights, a float64 without axes, 0 at first. Changed in place.
    lr_max : ndarray or sequence of ndarray
        Largest rate, a float64 without axes, -1 at first. Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate, at least 0.
    momentum : float
        How near to the mean gradients are taken, between 0 and 1.
    weight_decay : float
        Factor of :math:`y` that is added to the gradient, at least 0.
    warmup_steps : float
        In how many steps the rate grows to `lr`, at least 0.
    r : float
        Power of the number of a step in its weight.
    weight_lr_power : float
        Power :math:`p` of the rate in the weight.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    A. Defazio et al., "The Road Less Scheduled", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import schedule_free_sgd_step
    >>> w, weight_sum, lr_max = np.array([1.0, 2.0]), np.array(0.0), np.array(-1.0)
    >>> z = w.copy()
    >>> schedule_free_sgd_step(w, np.array([0.5, -0.5]), z, weight_sum, lr_max, step=1, lr=0.5)
    >>> w, z
    (array([0.75, 2.25]), array([0.75, 2.25]))
    >>> weight_sum, lr_max
    (array(0.25), array(0.5))
    """
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param

    average = averaging(
        step,
        weight_sum,
        lr_max,
        lr=lr,
        warmup_steps=warmup_steps,
        r=r,
        weight_lr_power=weight_lr_power,
    )
    new_part, y_rate = average.part, rate_of_y(average, momentum)
    param[...] = ((1.0 - new_part) * param + new_part * z) - y_rate * grad
    z[...] = z - average.lr * grad
