"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


def check_nesterov(values: Mapping[str, Any]) -> None:
    """Raise ValueError unless a look-ahead has a momentum and no dampening."""
    if values["nesterov"] and (values["momentum"] == 0 or values["dampening"] != 0):
        raise ValueError(
            "nesterov: expected a momentum above 0 and no dampening, got "
            f"momentum={values['momentum']!r}, dampening={values['dampening']!r}"
        )


@documented
class SGD(Optimizer):
    r"""Stochastic gradient descent, with momentum and Nesterov's look-ahead as options.

    .. math::

        b_t &= \mu \, b_{t-1} + (1 - \tau) \, g_t, \qquad b_1 = g_1 \\
        \theta_t &= \theta_{t-1} - \gamma \, b_t \\
        \theta_t &= \theta_{t-1} - \gamma \, (g_t + \mu \, b_t) \quad \text{(Nesterov)}

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`; without momentum :math:`b_t = g_t`. The
    formulas are those of ``torch.optim.SGD``.

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
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    nesterov : bool
        Look ahead. Needs a momentum above 0 and no dampening. Fixed when the optimizer is made.
    %(maximize)s
    %(options)s

    Raises
    ------
    TypeError, ValueError
        As `Optimizer` does; also when Nesterov's conditions are not met.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and
    momentum in deep learning", ICML 2013.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.SGD(w, lr=0.5, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.step(np.array([0.5, -0.5]))
    >>> w
    array([0.375, 2.625])
    """

    _rule = Rule(
        "sgd",
        switches={"momentum_buffer": "momentum"},
        counted_by_torch=False,
        check_together=check_nesterov,
    )

    lr: LearningRate = LearningRate()
    momentum: Number[float] = Number(AT_LEAST_0)
    dampening: Number = Number()
    nesterov: Flag[bool] = Flag(fixed=True)
    weight_decay: Number = Number(AT_LEAST_0)
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-3,
        momentum: float = 0.0,
        dampening: float | Schedule = 0.0,
        weight_decay: float | Schedule = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
