"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Unpack

from instep.reference._common import Arrays, Further, Scalars, each_array
from instep.reference.elementary import portable_pow


@each_array
def asgd_step(
    param: Arrays,
    grad: Arrays,
    ax: Arrays,
    eta: Scalars,
    mu: Scalars,
    *,
    step: int,
    lr: float = 1e-2,
    lambd: float = 1e-4,
    alpha: float = 0.75,
    t0: float = 1e6,
    weight_decay: float = 0.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by averaged stochastic gradient descent, in place.

    .. math::

        \theta_t &= (1 - \lambda_d \eta_t) \, \theta_{t-1} - \eta_t \, g_t, \qquad
        \eta_t = \gamma / (1 + \lambda_d \gamma (t - 1))^\alpha \\
        a_t &= a_{t-1} + \mu_t \, (\theta_t - a_{t-1}), \qquad
        \mu_t = 1 / \max(1, t - 1 - t_0)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. While :math:`\mu_t = 1`, the average is
    the parameter.

    Parameters
    ----------
    %(param)s
    %(grad)s
    ax : ndarray or sequence of ndarray
        Average :math:`a` of the parameter, of its shape. What it holds before step 1 does not
        matter. Changed in place.
    eta, mu : ndarray or sequence of ndarray
        Rate :math:`\eta_t` and weight :math:`\mu_t` of this step, arrays of one float64 without
        axes. At step 1, where they are `lr` and 1, what they hold does not matter. They become
        those of the next step, so that another `lr` shows one step later.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate :math:`\gamma`, at least 0.
    lambd : float
        Decay :math:`\lambda_d` of the rate and of the parameter, at least 0.
    alpha : float
        Power :math:`\alpha` of the rate's decay, at least 0.
    t0 : float
        How many steps :math:`t_0` pass before the average begins.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM
    Journal on Control and Optimization 30, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import asgd_step
    >>> w, average, eta, mu = np.array([1.0, 2.0]), np.zeros(2), np.zeros(()), np.zeros(())
    >>> asgd_step(w, np.array([0.5, -0.5]), average, eta, mu, step=1, lr=0.25, lambd=0.0)
    >>> w, average
    (array([0.875, 2.125]), array([0.875, 2.125]))
    """
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param

    rate, weight = (lr, 1.0) if step == 1 else (float(eta), float(mu))
    param[...] = (1.0 - lambd * rate) * param - rate * grad
    ax[...] = param if weight == 1.0 else ax + weight * (param - ax)
    eta[...] = lr / portable_pow(1.0 + lambd * lr * step, alpha)
    mu[...] = 1.0 / max(1.0, step - t0)
