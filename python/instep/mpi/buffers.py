"""Memory for what is sent and received."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Buffers:
    """Arrays that are used again.

    The system zeroes the pages of new memory at their first use, which takes longer than to fill
    them.
    """

    def __init__(self) -> None:
        self._free: list[NDArray[np.uint8]] = []

    def take(self, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array of any content."""
        n_bytes = size * dtype.itemsize
        enough = [k for k, buffer in enumerate(self._free) if buffer.nbytes >= n_bytes]
        if enough:
            buffer = self._free.pop(min(enough, key=lambda k: self._free[k].nbytes))
        else:
            buffer = np.empty(n_bytes, np.uint8)
        return buffer[:n_bytes].view(dtype)

    def give_back(self, *arrays: NDArray[Any]) -> None:
        """Take back what nobody looks at any more, of which these are arrays or parts."""
        for array in arrays:
            buffer = array.base
            assert isinstance(buffer, np.ndarray)
            if not any(buffer is each for each in self._free):
                self._free.append(buffer)
