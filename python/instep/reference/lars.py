"""LARS."""

from __future__ import annotations

from typing import Unpack

from instep.reference._common import Arrays, Further, each_array
from instep.reference.gradients import grad_norm


@each_array
def lars_step(
    param: Arrays,
    grad: Arrays,
    momentum_buffer: Arrays | None = None,
    *,
    step: int,
    lr: float = 1.0,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    trust_coeff: float = 1e-3,
    eps: float = 1e-8,
    trust_clip: bool = False,
    always_adapt: bool = False,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by LARS, in place: momentum at a rate of its own for each array.

    .. math::

        r_t &= \frac{\eta \, \lVert \theta_{t-1} \rVert}
        {\lVert g_t \rVert + \lambda \lVert \theta_{t-1} \rVert + \epsilon} \\
        b_t &= \mu \, b_{t-1} + (1 - \tau) \, r_t \, (g_t + \lambda \theta_{t-1}), \qquad
        b_1 = r_1 \, (g_1 + \lambda \theta_0) \\
        \theta_t &= \theta_{t-1} - \gamma \, b_t

    with :math:`g_t = \pm\nabla f`, :math:`\gamma` = `lr`, :math:`\mu` = `momentum`, :math:`\tau` =
    `dampening`, :math:`\lambda` = `weight_decay`, :math:`\eta` = `trust_coeff`, and the norms that
    `grad_norm` gives of the one array. Where a norm is not above 0, and without decay unless
    `always_adapt`, :math:`r_t = 1`.

    Parameters
    ----------
    %(param)s
    %(grad)s
        The compiled function takes no `RowGradient` where norms are needed.
    momentum_buffer : ndarray or sequence of ndarray, optional
        Running sum :math:`b`, of the parameter's shape, zeros before step 1. Changed in
        place. Passing it switches momentum on.
    step : int
        Number of this step, from 1: at step 1 the buffer takes the gradient undampened.
    lr : float
        Learning rate, at least 0.
    momentum, dampening : float
        Factor of the old buffer, at least 0, and one minus the factor of the new gradient.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0. Above 0 it switches
        :math:`r_t` on.
    nesterov : bool
        Look ahead: :math:`r_t (g_t + \lambda \theta_{t-1}) + \mu b_t` takes the place of
        :math:`b_t`. Needs a momentum above 0 and no dampening.
    trust_coeff : float
        Length of a step relative to the parameter's, at a rate of 1 and without momentum, at
        least 0.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    trust_clip : bool
        Take :math:`\min(r_t / \gamma, 1)` for :math:`r_t`, so that no rate is above :math:`r_t`.
    always_adapt : bool
        Compute :math:`r_t` without decay, too.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    Y. You, I. Gitman, B. Ginsburg, "Large Batch Training of Convolutional Networks",
    arXiv:1708.03888, 2017; the form is that of ``timm.optim.Lars``.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import lars_step
    >>> w = np.array([3.0, 4.0])
    >>> lars_step(w, np.array([0.0, 0.5]), step=1, trust_coeff=0.5, eps=0.0, always_adapt=True)
    >>> w
    array([3. , 1.5])
    """
    if maximize:
        grad = -grad
    if weight_decay or always_adapt:
        size, slope = grad_norm([param]), grad_norm([grad])
        trust = 1.0
        if size > 0 and slope > 0:
            trust = trust_coeff * size / (slope + size * weight_decay + eps)
        if trust_clip:
            # Without a rate the quotient is infinite.
            trust = trust / lr if lr and trust / lr < 1.0 else 1.0
        grad = (grad + weight_decay * param) * trust

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
