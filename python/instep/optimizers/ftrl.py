"""FTRL-Proximal."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import ABOVE_0, AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class FTRL(Optimizer):
    r"""FTRL-Proximal: Adagrad's rates, with weights that L1 keeps at exactly 0.

    .. math::

        n_t &= n_{t-1} + g_t^2 \\
        z_t &= z_{t-1} + g_t - \frac{\sqrt{n_t} - \sqrt{n_{t-1}}}{\alpha} \, \theta_{t-1} \\
        \theta_t &= \begin{cases} 0 & \text{if } |z_t| \le \lambda_1 \\
        \dfrac{\mathrm{sign}(z_t) \lambda_1 - z_t}{(\beta + \sqrt{n_t}) / \alpha + 2 \lambda_2}
        & \text{otherwise} \end{cases}

    For linear models on sparse data. The form is that of ``keras.optimizers.Ftrl`` with the power
    -1/2. Let parameters begin at 0: what starts elsewhere is drawn to 0 by its first step, all the
    way where its gradient is 0.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\alpha`, above 0, or a callable that returns it for the count of
        completed steps (0 at first).
    initial_accumulator_value : float
        The sum :math:`n_0`, at least 0. Fixed when the optimizer is made.
    beta : float
        Term :math:`\beta` that is added to the root of the sum, at least 0.
    l1 : float
        Factor :math:`\lambda_1` of the parameter's magnitude, at least 0: the more, the more
        elements are exactly 0.
    l2 : float
        Factor :math:`\lambda_2` of the parameter's square, at least 0. The paper's is twice this.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    H. B. McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, algorithm 1.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.zeros(3)
    >>> optimizer = instep.FTRL(w, lr=0.5, initial_accumulator_value=0.0, l1=0.5)
    >>> optimizer.step(np.array([2.0, -2.0, 0.25]))
    >>> w
    array([-0.375,  0.375,  0.   ])
    """

    _rule = Rule("ftrl", initial={"accumulator": "initial_accumulator_value"})

    lr: LearningRate = LearningRate(ABOVE_0)
    initial_accumulator_value: Number[float] = Number(AT_LEAST_0, fixed=True)
    beta: Number = Number(AT_LEAST_0)
    l1: Number = Number(AT_LEAST_0)
    l2: Number = Number(AT_LEAST_0)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        initial_accumulator_value: float = 0.1,
        beta: float | Schedule = 0.0,
        l1: float | Schedule = 0.0,
        l2: float | Schedule = 0.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
