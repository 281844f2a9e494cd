"""AdamW."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import BetasSchedule, Flag, FlagSchedule, Schedule
from instep.optimizer import documented
from instep.optimizers.adam import Adam
from instep.parameters import Params
from instep.storage import OptimizerOptions


@documented
class AdamW(Adam):
    r"""Adam with decoupled weight decay: the parameter itself shrinks, not the gradient grows.

    .. math::

        \theta_t = (1 - \alpha\lambda) \, \theta_{t-1}
        - \alpha \, \hat m_t / (\sqrt{\hat v_t} + \epsilon)

    with the moments of `Adam`, of the gradient without decay. The formulas are those of
    ``torch.optim.AdamW``.

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
        Decay :math:`\lambda`, at least 0.
    amsgrad : bool
        Put the largest second moment so far in its place. Fixed when the optimizer is made.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.AdamW(w, lr=0.5, weight_decay=0.5)
    >>> optimizer.step(np.zeros(2))
    >>> w
    array([0.75, 1.5 ])
    """

    decoupled_weight_decay: Flag = Flag(only=True)

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] | BetasSchedule = (0.9, 0.999),
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
