"""Random bits that are a hash of where they are used, so that nothing needs to be remembered."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

WORD = 2**64 - 1


def random_bits(
    index: NDArray[Any], *, seed: int, step: int, parameter: int, slot: int
) -> NDArray[np.uint16]:
    r"""Return the 16 random bits by which an element of an array is stored.

    A key is hashed from what all elements have in common,

    .. math::

        k_0 = 0, \qquad k_{j+1} = \mathrm{splitmix64}(k_j \oplus x_j), \qquad
        x = \left(\mathrm{seed}, t, \mathrm{parameter},
        4 \lfloor i / 2^{32} \rfloor + \lfloor \mathrm{slot} / 2 \rfloor\right)

    and a word of 32 bits from its two halves and the element's index :math:`i`. Of this word the
    array in an even slot takes the lower 16 bits, the one in the odd slot above it the upper ones.

    Parameters
    ----------
    index : ndarray
        Position :math:`i` of each element in the whole array, counted in C order from 0.
    seed : int
        The optimizer's seed, from 0 and below :math:`2^{64}`.
    step : int
        Number :math:`t` of the parameter's step, from 1.
    parameter : int
        Position of the parameter across all groups, from 0.
    slot : int
        Which of a parameter's arrays: 0 to 3 for the states in the rule's order, whether all are
        there and narrow or not; 4 for the parameter, and in `exchange_points` 5 or 6.

    Returns
    -------
    ndarray of uint16
        The bits, in the shape of `index`.

    Examples
    --------
    >>> import numpy as np
    >>> from instep.reference import random_bits
    >>> random_bits(np.arange(4), seed=0, step=1, parameter=0, slot=0)
    array([31391, 30794,  6337, 46888], dtype=uint16)
    """
    index = np.asarray(index, np.uint64)
    pair, odd = divmod(slot, 2)
    words = np.empty(index.shape, np.uint32)
    upper = index >> 32
    for each in np.unique(upper).tolist():
        key = 0
        for x in (seed, step, parameter, 4 * each + pair):
            key = _splitmix64(key ^ x)
        here = upper == each
        words[here] = _mixed(index[here].astype(np.uint32), key)
    return (words >> 16 if odd else words).astype(np.uint16)


def _splitmix64(x: int) -> int:
    """Return the output of Steele, Lea and Flood's generator from the state `x`."""
    z = (x + 0x9E3779B97F4A7C15) & WORD
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & WORD
    return z ^ z >> 31


def _mixed(index: NDArray[np.uint32], key: int) -> NDArray[np.uint32]:
    """Return a word for each index, in arithmetic modulo 2**32."""
    # The first product keeps neighbours apart: without it their bits are correlated.
    x = index * np.uint32(0x9E3779B9) + np.uint32(key & 0xFFFFFFFF)
    x ^= x >> 16
    x *= np.uint32(0x7FEB352D)
    x ^= x >> 15
    x += np.uint32(key >> 32)
    x *= np.uint32(0x846CA68B)
    x ^= x >> 16
    return x
