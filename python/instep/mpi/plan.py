"""Which process steps which elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instep.reference.sums import BLOCK


class Plan:
    """Which elements of which parameter each process steps, and has the states of.

    Printed, it is a table.

    Parameters
    ----------
    labels : sequence of str
        What the parameters are called.
    shapes : sequence of tuple of int
        Their shapes.
    in_one_run : sequence of bool
        Which of them lie in one run of C order on every process, so that any run of their elements
        is one array. Others are cut along their first axis.
    processes : int
        How many processes share them.

    Examples
    --------
    >>> from instep.mpi import Plan
    >>> print(Plan(["'w'", "'b'"], [(100, 100), (100,)], [True, True], processes=2))
    process  parameter  shape       first     end
          0  'w'        (100, 100)      0   4,096
          1  'w'        (100, 100)  4,096  10,000
          1  'b'        (100,)          0     100
    """

    def __init__(
        self,
        labels: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        in_one_run: Sequence[bool],
        processes: int,
    ) -> None:
        self.labels: tuple[str, ...] = tuple(labels)
        self.shapes: tuple[tuple[int, ...], ...] = tuple(shapes)
        self.bounds: NDArray[np.int64] = _bounds(
            [math.prod(shape) for shape in shapes],
            [
                BLOCK if in_run else math.lcm(BLOCK, max(1, math.prod(shape[1:])))
                for shape, in_run in zip(shapes, in_one_run, strict=True)
            ],
            processes,
        )
        """For each process, and one more, and each parameter, the first element of its share."""

    def share(self, process: int, param: int) -> range:
        """Return the elements of a parameter that a process steps, in C order.

        Parameters
        ----------
        process : int
            The process's rank.
        param : int
            The parameter's position.

        Returns
        -------
        range
            From the first element up to the end.
        """
        return range(int(self.bounds[process, param]), int(self.bounds[process + 1, param]))

    def __str__(self) -> str:
        rows = [("process", "parameter", "shape", "first", "end")]
        for process, lengths in enumerate(np.diff(self.bounds, axis=0)):
            for k in np.flatnonzero(lengths).tolist():
                share = self.share(process, k)
                rows.append(
                    (
                        *(str(process), self.labels[k], str(self.shapes[k])),
                        *(f"{share.start:,}", f"{share.stop:,}"),
                    )
                )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                f"{each:<{width}}" if k in (1, 2) else f"{each:>{width}}"
                for k, (each, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )


def _bounds(sizes: Sequence[int], units: Sequence[int], processes: int) -> NDArray[Any]:
    """Cut the line of all elements into runs of equal length, each cut moved to the nearest unit.

    Cuts within an array are at multiples of its unit.
    """
    total = sum(sizes)
    cuts = np.array([total * k // processes for k in range(processes + 1)], np.int64)
    bounds = np.empty((processes + 1, len(sizes)), np.int64)
    first = 0
    for k, (size, unit) in enumerate(zip(sizes, units, strict=True)):
        within = np.clip(cuts - first, 0, size)
        nearest = np.minimum((within + unit // 2) // unit * unit, size)
        bounds[:, k] = np.where(within == size, size, nearest)
        first += size
    return bounds
