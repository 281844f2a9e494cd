"""LARS."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.optimizers.sgd import check_nesterov
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class LARS(Optimizer):
    r"""Layer-wise adaptive rate scaling: momentum at a rate of its own for each parameter.

    .. math::

        r_t &= \frac{\eta \, \lVert \theta_{t-1} \rVert}
        {\lVert g_t \rVert + \lambda \lVert \theta_{t-1} \rVert + \epsilon} \\
        b_t &= \mu \, b_{t-1} + (1 - \tau) \, r_t \, (g_t + \lambda \theta_{t-1}), \qquad
        b_1 = r_1 \, (g_1 + \lambda \theta_0) \\
        \theta_t &= \theta_{t-1} - \gamma \, b_t

    with :math:`g_t = \pm\nabla f` and the norms of all elements of a parameter. The formulas are
    those of ``timm.optim.Lars``. A group without decay, of biases and norms' weights, has
    :math:`r_t = 1` and is stepped as by `SGD`.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    momentum : float
        Factor :math:`\mu` of the old buffer, at least 0. Whether it is 0 is fixed when the
        optimizer is made.
    dampening : float
        One minus the factor :math:`1 - \tau` of the new gradient.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0. Above 0
        it switches :math:`r_t` on.
    nesterov : bool
        Look ahead. Needs a momentum above 0 and no dampening. Fixed when the optimizer is made.
    trust_coeff : float
        Length :math:`\eta` of a step relative to the parameter's, at a rate of 1 and without
        momentum, at least 0.
    eps : float
        Term :math:`\epsilon` that keeps the denominator from zero, at least 0.
    trust_clip : bool
        Take :math:`\min(r_t / \gamma, 1)` for :math:`r_t`, so that no rate is above :math:`r_t`.
    always_adapt : bool
        Compute :math:`r_t` without decay, too.
    %(maximize)s
    %(options)s

    Raises
    ------
    TypeError, ValueError
        As `Optimizer` does; also when Nesterov's conditions are not met, and for a `RowGradient`
        where norms are needed.

    References
    ----------
    Y. You, I. Gitman, B. Ginsburg, "Large Batch Training of Convolutional Networks",
    arXiv:1708.03888, 2017.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([3.0, 4.0])
    >>> optimizer = instep.LARS(w, lr=1.0, trust_coeff=0.5, always_adapt=True)
    >>> optimizer.step(np.array([0.0, 100.0]))  # half as long as the parameter
    >>> w.round(6)
    array([3. , 1.5])
    """

    _rule = Rule("lars", switches={"momentum_buffer": "momentum"}, check_together=check_nesterov)

    lr: LearningRate = LearningRate()
    momentum: Number[float] = Number(AT_LEAST_0)
    dampening: Number = Number()
    weight_decay: Number = Number(AT_LEAST_0)
    nesterov: Flag[bool] = Flag(fixed=True)
    trust_coeff: Number = Number(AT_LEAST_0)
    eps: Number = Number(AT_LEAST_0)
    trust_clip: Flag = Flag()
    always_adapt: Flag = Flag()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1.0,
        momentum: float = 0.0,
        dampening: float | Schedule = 0.0,
        weight_decay: float | Schedule = 0.0,
        nesterov: bool = False,
        trust_coeff: float | Schedule = 1e-3,
        eps: float | Schedule = 1e-8,
        trust_clip: bool | FlagSchedule = False,
        always_adapt: bool | FlagSchedule = False,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
