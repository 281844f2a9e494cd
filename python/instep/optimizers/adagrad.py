"""Adagrad."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class Adagrad(Optimizer):
    r"""Adagrad: steps by the gradient over the root of the sum of its squares so far.

    .. math::

        s_t &= s_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \frac{\gamma}{1 + (t - 1)\eta} \, g_t / (\sqrt{s_t} + \epsilon)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. The formulas are those of
    ``torch.optim.Adagrad``.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    lr_decay : float
        Decay :math:`\eta` of the learning rate, at least 0.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    initial_accumulator_value : float
        The sum :math:`s_0`, at least 0. Fixed when the optimizer is made.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    eps_inside_sqrt : bool
        Divide by :math:`\sqrt{s_t + \epsilon}`, as Keras and Optax do.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.Adagrad(w, lr=0.25, eps=0.0)
    >>> optimizer.step(np.array([0.5, -0.5]))
    >>> w
    array([0.75, 2.25])
    """

    _rule = Rule(
        "adagrad",
        initial={"sum": "initial_accumulator_value"},
        arguments={"sum": "state_sum"},
        not_in_torch=("eps_inside_sqrt",),
    )

    lr: LearningRate = LearningRate()
    lr_decay: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    initial_accumulator_value: Number[float] = Number(AT_LEAST_0, fixed=True)
    eps: Number = Number(AT_LEAST_0)
    eps_inside_sqrt: Flag = Flag()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-2,
        lr_decay: float | Schedule = 0.0,
        weight_decay: float | Schedule = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float | Schedule = 1e-10,
        *,
        eps_inside_sqrt: bool | FlagSchedule = False,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
