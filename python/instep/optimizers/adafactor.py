"""Adafactor."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import (
    Flag,
    FlagSchedule,
    LearningRate,
    Number,
    Numbers,
    PairSchedule,
    Schedule,
)
from instep.numbers import AT_LEAST_0, AT_LEAST_1, AT_MOST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class Adafactor(Optimizer):
    r"""Adafactor: second moments of rows and columns alone, so that states take next to no memory.

    .. math::

        r_t &= (1 - t^c) \, r_{t-1} + t^c \operatorname{mean}_j g_{t,ij}^2, \qquad
        k_t = (1 - t^c) \, k_{t-1} + t^c \operatorname{mean}_i g_{t,ij}^2 \\
        v_{t,ij} &= \frac{r_{t,i} \, k_{t,j}}{\max(\operatorname{mean}(r_t), \epsilon_1)}, \qquad
        u_t = \frac{g_t}{\sqrt{\max(v_t, \epsilon_1^2)}} \\
        \theta_t &= (1 - \gamma \lambda) \, \theta_{t-1}
            - \min(\gamma, 1 / \sqrt{t}) \,
              \frac{\max(\epsilon_2, \operatorname{RMS}(\theta_{t-1}))}
                   {\max(1, \operatorname{RMS}(u_t) / d)} \, u_t

    with :math:`g_t = \pm\nabla f`. The form is that of ``torch.optim.Adafactor``: a step is
    relative to the parameter's size, axes before the last two are those of a batch of matrices, and
    a parameter of less than two axes keeps :math:`v_t = (1 - t^c) \, v_{t-1} + t^c g_t^2` whole.
    RMS is the root of the mean of squares over the whole array; a gradient must be given for all of
    it.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Largest rate :math:`\gamma` relative to the parameter's size, at least 0, or a callable that
        returns it for the count of completed steps (0 at first).
    beta2_decay : float
        Power :math:`c` of the number of the step, at most 0: the nearer to 0, the sooner the
        means forget.
    eps : tuple of float or None
        Least root :math:`\epsilon_1` of a mean square, None for the machine epsilon of the type in
        which the parameter is stepped; and the least size :math:`\epsilon_2` of a parameter, by
        which one of zeros leaves them. Both at least 0.
    d : float
        Largest root mean square of :math:`u`, at least 1.
    weight_decay : float
        Decoupled decay :math:`\lambda`, at least 0.
    %(maximize)s
    %(options)s

    Raises
    ------
    TypeError, ValueError
        As `Optimizer` does; also for a `RowGradient`.

    References
    ----------
    N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML
    2018.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([[4.0, -4.0], [4.0, 4.0]])
    >>> optimizer = instep.Adafactor(w, lr=0.25)
    >>> optimizer.step(np.array([[2.0, 2.0], [-2.0, 2.0]]))
    >>> w
    array([[ 3., -5.],
           [ 5.,  3.]])
    """

    _rule = Rule("adafactor")

    lr: LearningRate = LearningRate()
    beta2_decay: Number = Number(AT_MOST_0)
    eps: Numbers[tuple[float | None, float]] = Numbers(
        {"eps1": AT_LEAST_0, "eps2": AT_LEAST_0}, may_be_none={"eps1"}
    )
    d: Number = Number(AT_LEAST_1)
    weight_decay: Number = Number(AT_LEAST_0)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-2,
        beta2_decay: float | Schedule = -0.8,
        eps: tuple[float | None, float] | PairSchedule = (None, 1e-3),
        d: float | Schedule = 1.0,
        weight_decay: float | Schedule = 0.0,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
