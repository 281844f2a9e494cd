"""AMSGrad."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import BetasSchedule, Flag, FlagSchedule, Schedule
from instep.optimizer import documented
from instep.optimizers.adam import Adam
from instep.parameters import Params
from instep.storage import OptimizerOptions


@documented
class AMSGrad(Adam):
    r"""AMSGrad as Reddi et al. state it: Adam with a second moment that never decreases.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2, \qquad
        \hat v_t = \max(\hat v_{t-1}, v_t) \\
        \theta_t &= \theta_{t-1} - \alpha \, m_t / (\sqrt{\hat v_t} + \epsilon)

    without bias correction; the paper has no :math:`\epsilon`. ``Adam(..., amsgrad=True)`` is
    torch's form, with bias correction.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\alpha`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    betas : tuple of float
        Decay rates of the moments, in [0, 1).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Factor of the parameter that is added to the gradient, at least 0.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018,
    algorithm 2.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.AMSGrad(w, lr=0.5, betas=(0.5, 0.75), eps=0.0)
    >>> optimizer.step(np.array([1.0, -1.0]))
    >>> w
    array([0.5, 2.5])
    """

    amsgrad: Flag[bool] = Flag(only=True)
    bias_correction: Flag = Flag(only=False)

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.999),
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
