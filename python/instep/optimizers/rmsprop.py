"""RMSprop."""

from __future__ import annotations

from typing import Unpack

from instep.hyperparameters import Flag, FlagSchedule, LearningRate, Number, Schedule
from instep.numbers import AT_LEAST_0
from instep.optimizer import Optimizer, documented
from instep.parameters import Params
from instep.rule import Rule
from instep.storage import OptimizerOptions


@documented
class RMSprop(Optimizer):
    r"""RMSprop: steps by the gradient over the root of its mean square.

    .. math::

        v_t &= \alpha \, v_{t-1} + (1 - \alpha) \, g_t^2 \\
        \theta_t &= \theta_{t-1} - \gamma \, g_t / (\sqrt{v_t} + \epsilon)

    with :math:`g_t = \pm\nabla f + \lambda \theta_{t-1}`. The formulas are those of
    ``torch.optim.RMSprop``, but for the clamp that `centered` describes.

    Parameters
    ----------
    %(params)s
    lr : float or callable
        Learning rate :math:`\gamma`, at least 0, or a callable that returns it for the count of
        completed steps (0 at first).
    alpha : float
        Decay rate of the running means, at least 0.
    eps : float
        Term that keeps the denominator from zero, at least 0.
    weight_decay : float
        Factor :math:`\lambda` of the parameter that is added to the gradient, at least 0.
    momentum : float
        Factor :math:`\mu` of the old buffer, at least 0: the quotient is added to a buffer
        :math:`b_t = \mu \, b_{t-1} + g_t / (\dots)`, by which the parameter moves. Whether it is 0
        is fixed when the optimizer is made.
    centered : bool
        Take the variance :math:`\max(v_t - \bar g_t^2, 0)`, with the running mean :math:`\bar g`
        of the gradient, in the place of :math:`v_t`. The clamp keeps rounding from making a NaN.
        Fixed when the optimizer is made.
    initial_accumulator_value : float
        The mean :math:`v_0`, at least 0. Fixed when the optimizer is made. With 1, as
        stable-baselines3, autograd and TensorFlow 1 have it, the first steps are short.
    eps_inside_sqrt : bool
        Divide by :math:`\sqrt{v_t + \epsilon}`, as Keras, Optax and TensorFlow do.
    %(maximize)s
    %(options)s

    Raises
    ------
    %(raises)s

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: RMSProp", COURSERA: Neural Networks for Machine
    Learning, 2012.

    A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv:1308.0850, 2013.

    Examples
    --------
    >>> import numpy as np, instep
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = instep.RMSprop(w, lr=0.25, alpha=0.75, eps=0.0)
    >>> optimizer.step(np.array([0.5, -0.5]))
    >>> w
    array([0.5, 2.5])
    """

    _rule = Rule(
        "rmsprop",
        switches={"grad_avg": "centered", "momentum_buffer": "momentum"},
        initial={"square_avg": "initial_accumulator_value"},
        dtypes_by_name="centered",
        not_in_torch=("initial_accumulator_value", "eps_inside_sqrt"),
    )

    lr: LearningRate = LearningRate()
    alpha: Number = Number(AT_LEAST_0)
    eps: Number = Number(AT_LEAST_0)
    weight_decay: Number = Number(AT_LEAST_0)
    momentum: Number[float] = Number(AT_LEAST_0)
    centered: Flag[bool] = Flag()
    initial_accumulator_value: Number[float] = Number(AT_LEAST_0, fixed=True)
    eps_inside_sqrt: Flag = Flag()
    maximize: Flag = Flag()

    def __init__(
        self,
        params: Params,
        lr: float | Schedule = 1e-2,
        alpha: float | Schedule = 0.99,
        eps: float | Schedule = 1e-8,
        weight_decay: float | Schedule = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        initial_accumulator_value: float = 0.0,
        eps_inside_sqrt: bool | FlagSchedule = False,
        maximize: bool | FlagSchedule = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        self._make(locals())
