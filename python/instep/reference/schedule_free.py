"""What the schedule-free rules share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from instep.reference._common import Scalars
from instep.reference.elementary import portable_pow
from instep.reference.storage import Narrowing, step_stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from instep.storage import Rounding


class Averaging(NamedTuple):
    """Of a step: its rate, and the part of the mean that is the new z."""

    lr: float
    part: float


def averaging(
    step: int,
    weight_sum: Scalars,
    lr_max: Scalars,
    *,
    lr: float,
    warmup_steps: float,
    r: float,
    weight_lr_power: float,
) -> Averaging:
    """Return what a step averages by; the scalars become those after it."""
    t = float(step)
    if t <= warmup_steps:
        lr = lr * (t / warmup_steps)
    largest = float(lr_max) if float(lr_max) > lr else lr
    power = weight_lr_power
    weight = portable_pow(t, r) * (
        largest * largest if power == 2.0 else portable_pow(largest, power)
    )
    total = float(weight_sum) + weight
    weight_sum[...] = total
    lr_max[...] = largest
    return Averaging(lr, 0.0 if total == 0.0 else weight / total)


def rate_of_y(averaging: Averaging, beta: float) -> float:
    """Return by how much y moves for each unit that z does."""
    return averaging.lr * (1.0 - beta * (1.0 - averaging.part))


def exchange_points(
    param: NDArray[Any],
    z: NDArray[Any],
    *,
    beta: float,
    to: Literal["eval", "train"],
    step: int | None = None,
    param_rounding: Rounding | None = None,
    param_rest: NDArray[Any] | None = None,
    copies: NDArray[Any] | None = None,
    seed: int = 0,
    parameter: int = 0,
) -> None:
    r"""Bring a parameter of a schedule-free rule to its other point, in place.

    It holds :math:`y` while it is stepped, and :math:`x`, the mean that is learned, in between:

    .. math::

        x = y + (1 - 1 / \beta) (z - y), \qquad
        y = x + (1 - \beta) (z - x)

    or, where :math:`\beta < 1/2`, :math:`y = z + \beta (x - z)`: the shorter way, of which less is
    rounded. It is what ``optimizer.eval()`` and ``optimizer.train()`` do, bit for bit.

    Parameters
    ----------
    param : ndarray
        The parameter. Changed in place.
    z : ndarray
        Its state :math:`z`, of the parameter's shape. Only read.
    beta : float
        The option `momentum` of `schedule_free_sgd_step`, `beta1` of `schedule_free_adamw_step`.
    to : {"eval", "train"}
        The point to go to: :math:`x` or :math:`y`.
    step : int, optional
        Number of the parameter's last step: only what is stored stochastically depends on it.
    param_rounding : {"nearest", "stochastic"}, optional
        How a parameter of 16 bits is rounded, to nearest by default.
    param_rest : ndarray of int16, optional
        What a bfloat16 parameter lacks to its float32 master. Changed in place.
    copies : ndarray, optional
        Array into which the parameter is written, rounded to nearest.
    seed, parameter : int
        What random bits are made of beside `step`: see `random_bits`. They are those of slot 5 on
        the way to :math:`x` and of slot 6 on the way back.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.reference import exchange_points
    >>> y, z = np.array([1.0, 2.0]), np.array([0.0, 4.0])
    >>> exchange_points(y, z, beta=0.75, to="eval")
    >>> y.round(6)
    array([1.333333, 1.333333])
    >>> exchange_points(y, z, beta=0.75, to="train")
    >>> y.round(6)
    array([1., 2.])
    """
    kept = float(beta) if to == "train" else 1.0 / beta
    left = 1.0 - kept

    def rule(param: NDArray[Any], z: NDArray[Any]) -> None:
        if abs(left) <= abs(kept):
            param[...] = param + left * (z - param)
        else:
            param[...] = z + kept * (param - z)

    slots = {"param": 6 if to == "train" else 5}
    narrowing = Narrowing(
        (), step, state_rounding="nearest", param_rounding=param_rounding, seed=seed, slots=slots
    )
    stored = {"param": param, "z": z}
    narrowing.check_step({"param": param})
    with np.errstate(all="ignore"):
        step_stored(rule, stored, ..., narrowing, parameter=parameter, rest=param_rest, copy=copies)
