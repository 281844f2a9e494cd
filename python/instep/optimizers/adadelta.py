"""Adadelta."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import AT_LEAST_0, FROM_0_TO_1
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class Adadelta(Optimizer):
    r"""Adadelta: steps as large as the running mean of earlier steps, in the gradient's units.

    .. math::

        E[g^2]_t &= \rho \, E[g^2]_{t-1} + (1 - \rho) \, g_t^2 \\
        \Delta_t &= \frac{\sqrt{E[\Delta^2]_{t-1} + \epsilon}}{\sqrt{E[g^2]_t + \epsilon}} \, g_t \\
        E[\Delta^2]_t &= \rho \, E[\Delta^2]_{t-1} + (1 - \rho) \, \Delta_t^2 \\
        \theta_t &= \theta_{t-1} - \gamma \, \Delta_t

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. The formulas are those of
    ``torch.optim.Adadelta``; the paper's are those with :math:`\gamma = 1`.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    rho : float
        Decay rate :math:`\rho` of the running means, in [0, 1].
    eps : float
        Term inside both roots, at least 0. It sets the size of the first steps.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    M. D. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701, 2012.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.Adadelta(w, rho=0.0, eps=0.25)
    >>> optimizer.step(np.array([0.0, 0.0]))
    >>> w
    array([1., 2.])
    """

    _rule = Rule("adadelta")

    lr: LearningRate = LearningRate()
    rho: Number = Number(FROM_0_TO_1)
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1.0,
        rho: float | Schedule = 0.9,
        eps: float | Schedule = 1e-6,
        weight_decay: float | Schedule = 0.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
