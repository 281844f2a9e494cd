"""From 16 bits to the working type, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from instep.storage import is_bfloat16

INFINITY = 0x7F800000
"""The pattern of infinity in float32: what lies above it is NaN, what lies below it finite."""

SMALLEST_NORMAL = 0x38800000
"""The pattern in float32 of 2**-14, from which on float16 has all of its 11 digits."""

REBIAS = (127 - 15) << 23
"""What a pattern of float32 has more than one of float16 for the same exponent."""


def is_narrow(array: NDArray[Any]) -> bool:
    """Return whether an array is stored in 16 bits."""
    return array.dtype.itemsize == 2


def widen(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in 16 bits as a new one of float32, exactly; any other as it is."""
    if not is_narrow(array):
        return array
    if not is_bfloat16(array.dtype):
        return array.astype(np.float32)
    upper = array.view(np.uint16).astype(np.uint32)
    upper <<= 16
    return upper.view(np.float32)


def narrow(
    values: NDArray[Any], dtype: DTypeLike, random: NDArray[np.uint16] | None = None
) -> NDArray[Any]:
    r"""Return numbers rounded to a narrower type, as a step stores them.

    To nearest, ties to even, with infinity beyond the type's range; or stochastically: with
    :math:`r` uniform in :math:`0, \dots, 2^{16} - 1`, a number between neighbours :math:`a < b` of
    the type becomes

    .. math::

        b \text{ with probability } \frac{x - a}{b - a}, \text{ else } a, \qquad E = x

    exactly, or to :math:`2^{-17}` where float16 is subnormal. A finite number stays finite, at most
    the type's largest. Infinity and NaN are stored as such.

    Parameters
    ----------
    values : ndarray
        Numbers of float32, or to nearest of float64, which are rounded once.
    dtype : dtype
        The type: float16, bfloat16 (of the package ``ml_dtypes``) or, to nearest, float32.
    random : ndarray of uint16, optional
        Random bits :math:`r`, of the shape of `values`, as `random_bits` returns them. Without
        them the rounding is to nearest.

    Returns
    -------
    ndarray
        The rounded numbers, a new array.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.reference import narrow
    >>> quarter = np.full(4, 1 + 2.0**-12, np.float32)  # of the way to the next of float16
    >>> narrow(quarter, np.float16).tolist()
    [1.0, 1.0, 1.0, 1.0]
    >>> r = np.array([0, 20_000, 40_000, 60_000], np.uint16)
    >>> narrow(quarter, np.float16, r).tolist()
    [1.0, 1.0, 1.0, 1.0009765625]
    """
    dtype = np.dtype(dtype)
    if dtype.itemsize == 4:
        with np.errstate(all="ignore"):
            return values.astype(dtype)
    flat = values.ravel()  # with an axis, as arrays without one become scalars
    pattern = (_to_odd(flat) if flat.dtype == np.float64 else flat).view(np.uint32)
    magnitude = pattern & 0x7FFFFFFF
    to_type = _to_bfloat16 if is_bfloat16(dtype) else _to_float16
    rounded = to_type(magnitude, None if random is None else random.ravel())
    rounded |= pattern >> 31 << 15
    return rounded.astype(np.uint16).view(dtype).reshape(values.shape)


def _to_bfloat16(magnitude: NDArray[Any], random: NDArray[np.uint16] | None) -> NDArray[Any]:
    """Return the patterns of bfloat16 for magnitudes of float32."""
    if random is None:
        rounded = (magnitude + 0x7FFF + (magnitude >> 16 & 1)) >> 16
    else:
        rounded = np.minimum((magnitude + random) >> 16, 0x7F7F)
        rounded = np.where(magnitude == INFINITY, 0x7F80, rounded)
    return np.where(magnitude > INFINITY, magnitude >> 16 | 0x40, rounded)


def _to_float16(magnitude: NDArray[Any], random: NDArray[np.uint16] | None) -> NDArray[Any]:
    """Return the patterns of float16 for magnitudes of float32."""
    normal = np.maximum(magnitude, SMALLEST_NORMAL) - REBIAS
    # Below the smallest normal number the unit is 2**-24; a product with a power of two is exact.
    units = np.minimum(magnitude, SMALLEST_NORMAL).view(np.float32) * 2.0**24
    if random is None:
        rounded = np.minimum((normal + 0xFFF + (normal >> 13 & 1)) >> 13, 0x7C00)
        subnormal = np.rint(units)
    else:
        rounded = np.minimum((normal + (random >> 3)) >> 13, 0x7BFF)
        rounded = np.where(magnitude == INFINITY, 0x7C00, rounded)
        subnormal = np.trunc(units)
        subnormal += units - subnormal > (random + 0.5) * 2.0**-16
    rounded = np.where(magnitude < SMALLEST_NORMAL, subnormal.astype(np.uint32), rounded)
    return np.where(magnitude > INFINITY, magnitude >> 13 & 0x3FF | 0x7E00, rounded)


def _to_odd(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return numbers cut to float32, with the last bit set wherever anything was cut off.

    Rounded to nearest in a type two bits shorter or more, that is what the numbers themselves are.
    """
    with np.errstate(all="ignore"):
        nearest = values.astype(np.float32)
    pattern = nearest.view(np.uint32)
    cut = pattern - (abs(nearest) > abs(values))
    return np.where(nearest != values, cut | 1, pattern).view(np.float32)
