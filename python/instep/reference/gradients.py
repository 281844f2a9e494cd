"""What an optimizer does with gradients before its rule meets them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from instep.dlpack import AnyArray
from instep.reference._dlpack import as_ndarrays
from instep.reference.rounding import widen
from instep.reference.sums import sums_in_pairs, sums_of_squares

LEAST_SUM = 2.0**-900
"""From here on, what squares lost below the smallest normal number is far below the last bit."""

RESCALE = 2.0**600
"""Brings elements of too small a sum of squares up, by division those of an infinite one down."""


class Conditions(TypedDict, total=False):
    """Keyword arguments of every step function; see `condition_gradients`.

    `flush_subnormals` is for the compiled functions, which then take subnormal numbers for zero and
    flush them to zero; the reference steps exactly.
    """

    grad_scale: float
    clip_value: float | None
    clip_norm: float | None
    nonfinite: Literal["propagate", "raise"]
    flush_subnormals: bool


def condition_gradients(
    grads: Sequence[AnyArray],
    *,
    grad_scale: float = 1.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    nonfinite: Literal["propagate", "raise"] = "propagate",
) -> list[NDArray[Any]]:
    r"""Return gradients unscaled and clipped, as an optimizer's step takes them.

    .. math::

        u &= \mathrm{clip}(g / s, -c, c) \\
        g' &= \min\left(1, \frac{C}{\lVert u \rVert + 10^{-6}}\right) u

    The division by :math:`s` is a multiplication by :math:`1 / s`. Without :math:`c` both factors
    are one, rounded once to the gradient's dtype.

    Parameters
    ----------
    grads : sequence of ndarray
        Gradients :math:`g` of all parameters, float32 or float64; float16 and bfloat16 are taken
        as float32. They are not changed.
    grad_scale : float
        What the loss was multiplied by, :math:`s`, above 0.
    clip_value : float, optional
        Largest magnitude of an element, :math:`c`; infinity is none.
    clip_norm : float, optional
        Largest norm of all gradients together, :math:`C`, as in
        ``torch.nn.utils.clip_grad_norm_``.
    nonfinite : {"propagate", "raise"}
        Whether :math:`g / s` may hold NaN and infinity.

    Returns
    -------
    list of ndarray
        The gradients :math:`g'` that a rule meets.

    Raises
    ------
    FloatingPointError
        When it holds them and `nonfinite` is "raise".

    Examples
    --------
    >>> import numpy as np
    >>> from instep.reference import condition_gradients
    >>> [grad] = condition_gradients([np.array([6.0, 8.0])], grad_scale=2.0, clip_norm=2.5)
    >>> grad.round(5)
    array([1.5, 2. ])
    """
    arrays = [widen(grad) for grad in as_ndarrays(grads, "grad")]
    unscale = 1.0 / grad_scale
    if nonfinite == "raise":
        for k, grad in enumerate(arrays):
            finite = np.isfinite(grad * unscale)
            if not finite.all():
                index = tuple(np.argwhere(~finite)[0].tolist())
                raise FloatingPointError(f"gradient {k} is not finite at index {index}")
    factor = 1.0
    if clip_norm is not None and clip_norm != math.inf:
        coefficient = clip_norm / (
            grad_norm(arrays, grad_scale=grad_scale, clip_value=clip_value) + 1e-6
        )
        factor = 1.0 if coefficient > 1.0 else coefficient
    if clip_value is None or clip_value == math.inf:
        return [grad * (factor * unscale) for grad in arrays]
    return [_clip(grad * unscale, clip_value) * factor for grad in arrays]


def grad_norm(
    grads: Sequence[AnyArray],
    *,
    grad_scale: float = 1.0,
    clip_value: float | None = None,
) -> float:
    r"""Return the Euclidean norm of all gradients together, once unscaled and clipped by value.

    The squares are summed in float64, each addition in a place of its own, so that layouts, threads
    and instruction sets cannot change the result: the elements of an array in C order in blocks of
    4,096; in a block, element :math:`i` is added to lane :math:`i \bmod 16`, and the lanes, the
    blocks of an array and the arrays are added in pairs. Where squares leave the range of float64,
    which a sum below :math:`2^{-900}` or an infinite one tells, all elements are multiplied by
    :math:`2^{600}` or :math:`2^{-600}` and summed again, so that a norm is right wherever it is a
    number.

    Parameters
    ----------
    grads : sequence of ndarray
        Gradients of all parameters, float32 or float64.
    grad_scale : float
        As in `condition_gradients`.
    clip_value : float, optional
        As in `condition_gradients`.

    Returns
    -------
    float
        The norm, in units of the unscaled gradients.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.reference import grad_norm
    >>> grad_norm([np.array([3.0]), np.array([4.0])])
    5.0
    """
    conditioned = []
    for grad in as_ndarrays(grads, "grad"):
        unscaled = widen(grad) * (1.0 / grad_scale)
        conditioned.append(unscaled if clip_value is None else _clip(unscaled, clip_value))
    total = _sum_of_squares(conditioned, 1.0)
    if total == math.inf or total < LEAST_SUM:
        rescale = RESCALE if total < LEAST_SUM else 1.0 / RESCALE
        return math.sqrt(_sum_of_squares(conditioned, rescale)) / rescale
    return math.sqrt(total)


def _clip(grad: NDArray[Any], bound: float) -> NDArray[Any]:
    below = np.where(grad > bound, grad.dtype.type(bound), grad)
    return np.where(below < -bound, grad.dtype.type(-bound), below)


def _sum_of_squares(grads: Sequence[NDArray[Any]], rescale: float) -> float:
    with np.errstate(over="ignore", under="ignore"):
        sums = [sums_of_squares(grad.reshape(1, -1), rescale) for grad in grads]
        return float(sums_in_pairs(np.concatenate([np.zeros(0), *sums])))
