"""Row-wise Adagrad."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class RowwiseAdagrad(Optimizer):
    r"""Row-wise Adagrad: Adagrad with one sum for each row of a table, as embeddings are trained.

    .. math::

        s_{t,i} &= s_{t-1,i} + \frac{1}{D} \sum_j g_{t,ij}^2 \\
        \theta_{t,ij} &= \theta_{t-1,ij} - \frac{\gamma}{\sqrt{s_{t,i}} + \epsilon} \, g_{t,ij}

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. A row :math:`i`, of :math:`D` elements,
    is what has one index of the first axis. The formulas are those of FBGEMM's
    ``EXACT_ROWWISE_ADAGRAD``, by which TorchRec steps its tables: a `RowGradient` steps the rows
    alone that it names.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Decay :math:`\lambda`, at least 0: :math:`\lambda\theta_{t-1}` is added to the gradient.
    decoupled_weight_decay : bool
        Multiply the parameter by :math:`1 - \gamma\lambda` instead of changing the gradient.
    initial_accumulator_value : float
        The sums :math:`s_0`, at least 0. Fixed when the optimizer is made.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    D. Khudia et al., "FBGEMM: Enabling High-Performance Low-Precision Deep Learning Inference",
    arXiv:2101.05615, 2021.

    J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import numpy as np, instep
    >>> table = np.ones((3, 2))
    >>> optimizer = instep.RowwiseAdagrad(table, lr=0.25, eps=0.0)
    >>> optimizer.step(instep.RowGradient(np.array([1]), np.array([[1.0, 7.0]])))
    >>> table
    array([[1.  , 1.  ],
           [0.95, 0.65],
           [1.  , 1.  ]])
    """

    _rule = Rule(
        "rowwise_adagrad",
        initial={"sum": "initial_accumulator_value"},
        arguments={"sum": "state_sum"},
    )

    lr: LearningRate = LearningRate()
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    decoupled_weight_decay: Flag = Flag()
    initial_accumulator_value: Number[float] = Number(AT_LEAST_0, fixed=True)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-2,
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        *,
        decoupled_weight_decay: bool | FlagSchedule = False,
        initial_accumulator_value: float = 0.0,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
