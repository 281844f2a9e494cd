"""ScheduleFreeAdamW."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, Scalars, each_array, power
from instep.reference.schedule_free import averaging, rate_of_y


@each_array
def schedule_free_adamw_step(
    param: Arrays,
    grad: Arrays,
    z: Arrays,
    exp_avg_sq: Arrays,
    weight_sum: Scalars,
    lr_max: Scalars,
    *,
    step: int,
    lr: float = 2.5e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    warmup_steps: float = 0,
    r: float = 0.0,
    weight_lr_power: float = 2.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by schedule-free AdamW, in place.

    .. math::

        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        d_t &= g_t / (\sqrt{v_t / (1 - \beta_2^t)} + \epsilon) + \lambda y_t \\
        z_{t+1} &= z_t - \gamma_t \, d_t \\
        x_{t+1} &= (1 - c_t) x_t + c_t z_{t+1} \\
        y_{t+1} &= \beta_1 x_{t+1} + (1 - \beta_1) z_{t+1}

    with :math:`g_t = \pm\nabla f(y_t)` and :math:`\gamma_t`, :math:`c_t` as in
    `schedule_free_sgd_step`. The parameter holds :math:`y`; `exchange_points` brings it to
    :math:`x`, the mean that is learned, and back.

    Parameters
    ----------
    %(param)s
    %(grad)s
    z : ndarray or sequence of ndarray
        Point :math:`z` at which steps are taken, of the parameter's shape, a copy of it at first.
        Changed in place.
    exp_avg_sq : ndarray or sequence of ndarray
        Second moment :math:`v`, of the parameter's shape, zeros at first. Changed in place.
    weight_sum : ndarray or sequence of ndarray
        Sum of the weights, a float64 without axes, 0 at first. Changed in place.
    lr_max : ndarray or sequence of ndarray
        Largest rate, a float64 without axes, -1 at first. Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate, at least 0.
    beta1 : float
        How near to the mean gradients are taken, between 0 and 1.
    beta2 : float
        Decay rate of the second moment, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0, decoupled from the gradient.
    warmup_steps : float
        In how many steps the rate grows to `lr`, at least 0.
    r : float
        Power of the number of a step in its weight.
    weight_lr_power : float
        Power of the rate in the weight.
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
    >>> from instep.functional import schedule_free_adamw_step
    >>> w, v, weight_sum, lr_max = np.ones(2), np.zeros(2), np.array(0.0), np.array(-1.0)
    >>> z, grad = w.copy(), np.array([0.5, -0.5])
    >>> schedule_free_adamw_step(w, grad, z, v, weight_sum, lr_max, step=1, lr=0.25)
    >>> w.round(6), z.round(6)
    (array([0.75, 1.25]), array([0.75, 1.25]))
    """
    if maximize:
        grad = -grad

    exp_avg_sq[...] = beta2 * exp_avg_sq + (1.0 - beta2) * (grad * grad)
    root = math.sqrt(1.0 - power(beta2, step))
    direction = grad / (np.sqrt(exp_avg_sq) + eps * root)
    if weight_decay:
        direction = direction + (weight_decay / root) * param

    average = averaging(
        step,
        weight_sum,
        lr_max,
        lr=lr,
        warmup_steps=warmup_steps,
        r=r,
        weight_lr_power=weight_lr_power,
    )
    new_part, y_rate = average.part, rate_of_y(average, beta1) * root
    param[...] = ((1.0 - new_part) * param + new_part * z) - y_rate * direction
    z[...] = z - (average.lr * root) * direction
