"""Rprop."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Numbers, PairSchedule, Schedule
from instep.numbers import ABOVE_1, AT_LEAST_0, BETWEEN_0_AND_1
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class Rprop(Optimizer):
    r"""Rprop: steps by the gradient's sign, longer while it stays, shorter when it changes.

    .. math::

        \Delta_t &= \min(\max(\Delta_{t-1} \cdot \begin{cases}
        \eta^+ & g_t \, g_{t-1}' > 0 \\ \eta^- & g_t \, g_{t-1}' < 0 \\
        1 & \text{else} \end{cases}, \Delta_{\min}), \Delta_{\max}) \\
        g_t' &= \begin{cases} 0 & g_t \, g_{t-1}' < 0 \\ g_t & \text{else} \end{cases} \\
        \theta_t &= \theta_{t-1} - \Delta_t \, \operatorname{sign}(g_t')

    with :math:`g_t = \pm\nabla f` and :math:`g_0' = 0`. The formulas are those of
    ``torch.optim.Rprop``, but for NaN in a gradient, which shows in the parameter. It is for
    gradients of the whole of the data.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Step size :math:`\Delta_0`, at least 0, at which an element begins in the first step that
        steps it, or a callable that returns it for the count of completed steps (0 at first). Later
        it is not looked at.
    etas : tuple of float
        Factors :math:`\eta^-`, between 0 and 1, and :math:`\eta^+`, above 1, of the step size where
        the gradient's sign changes and where it does not.
    step_sizes : tuple of float
        Least and largest step size, at least 0.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    Notes
    -----
    In the state ``step_size`` an element that has not been stepped is -1: all before the first
    step, and afterwards rows that no `RowGradient` has named.

    References
    ----------
    M. Riedmiller, H. Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The
    RPROP Algorithm", ICNN 1993.

    C. Igel, M. Huesken, "Improving the Rprop Learning Algorithm", NC 2000: iRprop-.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.Rprop(w, lr=0.25, etas=(0.5, 2.0))
    >>> for gradient in ([8.0, -1e-3], [4.0, 1e-3], [2.0, 1e-3]):
    ...     optimizer.step(np.array(gradient))
    >>> w
    array([-0.75 ,  2.125])
    """

    _rule = Rule("rprop", initial={"step_size": -1.0})

    lr: LearningRate = LearningRate()
    etas: Numbers[tuple[float, float]] = Numbers({"etaminus": BETWEEN_0_AND_1, "etaplus": ABOVE_1})
    step_sizes: Numbers[tuple[float, float]] = Numbers(
        {"step_size_min": AT_LEAST_0, "step_size_max": AT_LEAST_0}
    )
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-2,
        etas: tuple[float, float] | PairSchedule = (0.5, 1.2),
        step_sizes: tuple[float, float] | PairSchedule = (1e-6, 50.0),
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
