"""Adafactor."""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from instep.reference._common import Arrays, Further, each_array
from instep.reference.elementary import portable_pow
from instep.reference.gradients import grad_norm
from instep.reference.sums import means_in_pairs, means_of_squares


@each_array
def adafactor_step(
    param: Arrays,
    grad: Arrays,
    row_var: Arrays = None,
    col_var: Arrays = None,
    variance: Arrays | None = None,
    *,
    step: int,
    lr: float = 1e-2,
    beta2_decay: float = -0.8,
    eps1: float | None = None,
    eps2: float = 1e-3,
    d: float = 1.0,
    weight_decay: float = 0.0,
    maximize: bool = False,
    **further: Unpack[Further],
) -> None:
    r"""Step by Adafactor, in place.

    .. math::

        r_t &= (1 - t^c) \, r_{t-1} + t^c \operatorname{mean}_j g_{t,ij}^2, \qquad
        k_t = (1 - t^c) \, k_{t-1} + t^c \operatorname{mean}_i g_{t,ij}^2 \\
        v_{t,ij} &= \frac{r_{t,i} \, k_{t,j}}{\max(\operatorname{mean}(r_t), \epsilon_1)}, \qquad
        u_t = \frac{g_t}{\sqrt{\max(v_t, \epsilon_1^2)}} \\
        \theta_t &= (1 - \gamma \lambda) \, \theta_{t-1}
            - \min(\gamma, 1 / \sqrt{t}) \,
              \frac{\max(\epsilon_2, \operatorname{RMS}(\theta_{t-1}))}
                   {\max(1, \operatorname{RMS}(u_t) / d)} \, u_t

    with :math:`g_t = \pm\nabla f`, :math:`\gamma` = `lr`, :math:`c` = `beta2_decay`,
    :math:`\lambda` = `weight_decay`. Axes before the last two are those of a batch of matrices,
    each with :math:`r` and :math:`k` of its own. A parameter of less than two axes has
    :math:`v_t = (1 - t^c) \, v_{t-1} + t^c g_t^2` instead. RMS is the root of the mean of squares
    over the whole array.

    The division by the root of :math:`v` is a product with the least of :math:`1 / \epsilon_1` and
    :math:`1 / \sqrt{v}`, which for matrices is one of rows times one of columns. Sums are float64:
    over rows and over arrays in the order of `grad_norm`, over columns in blocks of 64 rows and
    these in pairs, of :math:`r` in pairs.

    Parameters
    ----------
    %(param)s
    %(grad)s
    row_var, col_var : ndarray or sequence of ndarray, optional
        Means of squares :math:`r` and :math:`k`, of the parameter's shape but for a length of 1 on
        the last axis, and on the one before it, and of the working type. None for a parameter of
        less than two axes. Zeros at first, changed in place.
    variance : ndarray or sequence of ndarray, optional
        :math:`v` of a parameter of less than two axes, of its shape; None for others. Zeros at
        first, changed in place.
    step : int
        Number :math:`t` of this step, from 1.
    lr : float
        Largest rate :math:`\gamma` relative to the parameter's size, at least 0.
    beta2_decay : float
        Power :math:`c` of :math:`t`, at most 0.
    eps1 : float, optional
        Least root :math:`\epsilon_1` of a mean square, at least 0; None is the machine epsilon of
        the working type.
    eps2 : float
        Least size :math:`\epsilon_2` of a parameter, at least 0.
    d : float
        Largest root mean square of :math:`u`, at least 1.
    weight_decay : float
        Decoupled decay :math:`\lambda`, at least 0.
    %(maximize)s
    %(further)s

    Raises
    ------
    %(raises)s

    References
    ----------
    N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML
    2018.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.functional import adafactor_step
    >>> w = np.array([[4.0, -4.0], [4.0, 4.0]])
    >>> rows, columns = np.zeros((2, 1)), np.zeros((1, 2))
    >>> adafactor_step(w, np.array([[2.0, 2.0], [-2.0, 2.0]]), rows, columns, step=1, lr=0.25)
    >>> w
    array([[ 3., -5.],
           [ 5.,  3.]])
    """
    if param.size == 0:
        return
    if maximize:
        grad = -grad
    least = float(np.finfo(param.dtype).eps) if eps1 is None else eps1
    share = portable_pow(float(step), beta2_decay)

    if variance is not None:
        variance[...] = (1.0 - share) * variance + share * (grad * grad)
        factor = _inverse_root(variance)
    else:
        of_rows, of_columns = means_of_squares(grad)
        row_var[...] = (1.0 - share) * row_var + share * of_rows
        col_var[...] = (1.0 - share) * col_var + share * of_columns
        mean = means_in_pairs(row_var)
        mean = np.where(mean < least, np.asarray(least, mean.dtype), mean)
        factor = _inverse_root(row_var / mean) * _inverse_root(col_var)
    most = np.asarray(1.0 / least if least else math.inf, param.dtype)
    update = grad * np.where(factor > most, most, factor)

    root_size = math.sqrt(param.size)
    size = max(eps2, grad_norm([param]) / root_size)
    excess = max(1.0, grad_norm([update]) / root_size / d)
    rate = size * min(lr, 1.0 / math.sqrt(step)) / excess
    param[...] = (1.0 - lr * weight_decay) * param - rate * update


def _inverse_root(array: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(divide="ignore"):
        result: NDArray[Any] = 1.0 / np.sqrt(array)
    return result
