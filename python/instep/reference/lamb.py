"""LAMB."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from instep.reference._common import Arrays, Further, each_array, power
from instep.reference.gradients import grad_norm


@each_array
def lamb_step(
    param: Arrays,
    grad: Arrays,
    exp_avg: Arrays,
    exp_avg_sq: Arrays,
    *,
    step: int,
    lr: float = 1e-3,
    bias_correction: bool = True,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-6,
    weight_decay: float = 0.01,
    grad_averaging: bool = True,
    trust_clip: bool = False,
    always_adapt: bool = False,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by LAMB, in place: Adam at a rate of its own for each array.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        u_t &= \hat m_t / (\sqrt{\hat v_t} + \epsilon) + \lambda \theta_{t-1}, \qquad
        \hat m_t = m_t / (1 - \beta_1^t), \quad \hat v_t = v_t / (1 - \beta_2^t) \\
        \theta_t &= \theta_{t-1} - \alpha \,
        \frac{\lVert \theta_{t-1} \rVert}{\lVert u_t \rVert} \, u_t

    with :math:`g_t = \pm\nabla f` and the norms that `grad_norm` gives of the one array. Where a
    norm is not above 0, and without decay unless `always_adapt`, their ratio is 1. Of decay that is
    decoupled, :math:`(1 - \alpha\lambda) \, \theta_{t-1}` stands in the place of
    :math:`\theta_{t-1}`, in its norm, too, and none in :math:`u_t`.

    Parameters
    ----------
    %(param)s
    %(grad)s
        The compiled function takes no `RowGradient` where norms are needed.
    exp_avg, exp_avg_sq : ndarray or sequence of ndarray
        First and second moment :math:`m`, :math:`v`, of the parameter's shape, zeros
        before step 1. Changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Learning rate :math:`\alpha`, at least 0.
    bias_correction : bool
        False takes :math:`\hat m_t = m_t`, :math:`\hat v_t = v_t`.
    beta1, beta2 : float
        Decay rates of the moments, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0. Above 0 it switches the ratio of norms on.
    grad_averaging : bool
        False adds :math:`g_t`, not :math:`(1 - \beta_1) \, g_t`, to the first moment.
    trust_clip : bool
        Take 1 where the ratio of norms is above 1.
    always_adapt : bool
        Compute the ratio without decay, too.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \alpha\lambda`, whatever the norms.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    Y. You, J. Li, S. Reddi, J. Hseu, S. Kumar, S. Bhojanapalli, X. Song, J. Demmel, K. Keutzer,
    C.-J. Hsieh, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", ICLR
    2020; the form is that of ``timm.optim.Lamb``.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import lamb_step
    >>> w, m, v = np.array([3.0, 4.0]), np.zeros(2), np.zeros(2)
    >>> options = {"lr": 0.5, "weight_decay": 0.0, "always_adapt": True}
    >>> lamb_step(w, np.array([0.0, 0.5]), m, v, step=1, **options)
    >>> w.round(4)
    array([3. , 1.5])
    """
    if maximize:
        grad = -grad
    adapts = weight_decay or always_adapt
    shrinkage = 1.0 - lr * weight_decay if decoupled_weight_decay else 1.0
    size = grad_norm([param]) * abs(shrinkage) if adapts else 0.0
    param *= shrinkage

    exp_avg[...] = beta1 * exp_avg + (1.0 - beta1 if grad_averaging else 1.0) * grad
    exp_avg_sq[...] = beta2 * exp_avg_sq + (1.0 - beta2) * (grad * grad)

    correction = 1.0
    if bias_correction:
        root = math.sqrt(1.0 - power(beta2, step))
        correction = root / (1.0 - power(beta1, step))
        eps = eps * root
    direction = correction * (exp_avg / (np.sqrt(exp_avg_sq) + eps))
    if weight_decay and not decoupled_weight_decay:
        direction = direction + weight_decay * param

    trust = 1.0
    if adapts:
        length = grad_norm([direction])
        trust = size / length if size > 0 and length > 0 else 1.0
        if trust_clip:
            trust = trust if trust < 1.0 else 1.0
    param -= lr * trust * direction
