"""A float32 number as a bfloat16 and what that cuts off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from instep.reference.rounding import INFINITY


def split_master(master: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[np.int16]]:
    r"""Return float32 numbers as bfloat16 parameters, and what these lack.

    With :math:`b` the 32 bits of a number,

    .. math::

        \mathrm{param} = \lfloor (b + 2^{15}) / 2^{16} \rfloor, \qquad
        \mathrm{rest} = b - 2^{16} \, \mathrm{param}

    so that the parameter is the number rounded to nearest, ties away from zero (no rest of 16 bits
    fits ties to even). A NaN is a NaN and a rest of 0.

    Parameters
    ----------
    master : ndarray of float32
        The numbers.

    Returns
    -------
    param : ndarray of bfloat16
        The numbers rounded to bfloat16 (of the package ``ml_dtypes``). Those from
        3.3961775e38 on, which stay what they are with their rest, show as infinity.
    rest : ndarray of int16
        What was cut off, for `param_rest`.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.reference import split_master
    >>> param, rest = split_master(np.array([1.0, 1.001, -0.3], np.float32))
    >>> param
    array([1, 1, -0.300781], dtype=bfloat16)
    >>> rest
    array([     0,   8389, -26214], dtype=int16)
    """
    import ml_dtypes

    pattern = master.ravel().view(np.uint32)
    nan = pattern & 0x7FFFFFFF > INFINITY
    upper = np.where(nan, pattern >> 16 | 0x40, (pattern + 0x8000) >> 16).astype(np.uint16)
    lower = np.where(nan, 0, pattern & 0xFFFF).astype(np.uint16)
    return (
        upper.view(ml_dtypes.bfloat16).reshape(master.shape),
        lower.view(np.int16).reshape(master.shape),
    )


def join_master(param: NDArray[Any], rest: NDArray[np.int16]) -> NDArray[np.float32]:
    r"""Return the float32 numbers of which bfloat16 parameters and their rests are the parts.

    What `split_master` parted is back, bit for bit. With a parameter that was overwritten
    meanwhile, an old rest does the least harm that it can: it moves the parameter by half a unit of
    bfloat16 at most, never across zero, and never from a number to NaN. With :math:`h` the lower 15
    bits of the parameter, the number has its sign and the magnitude of which the bits are

    .. math::

        \min(\max(2^{16} h + \mathrm{rest}, 0), \text{those of } \infty)

    Parameters
    ----------
    param : ndarray of bfloat16
        The parameters.
    rest : ndarray of int16
        The rests, in their shape.

    Returns
    -------
    ndarray of float32
        The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.reference import join_master, split_master
    >>> param, rest = split_master(np.array([1.001, -0.3], np.float32))
    >>> join_master(param, rest)
    array([ 1.001, -0.3  ], dtype=float32)
    >>> param[...] = 0
    >>> join_master(param, rest)
    array([1.1755e-41, 0.0000e+00], dtype=float32)
    """
    upper = param.ravel().view(np.uint16).astype(np.int32)
    magnitude = (upper & 0x7FFF) << 16
    nan = magnitude > INFINITY
    magnitude = np.where(nan, magnitude, np.clip(magnitude + rest.ravel(), 0, INFINITY))
    sign = (upper & 0x8000).astype(np.uint32) << 16
    return (sign | magnitude.astype(np.uint32)).view(np.float32).reshape(param.shape)
