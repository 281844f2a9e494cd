"""Optimizers whose parameters have two points: one to step from, and one to use."""

from __future__ import annotations

from typing import Any

from instep.optimizer import Optimizer


class TwoPointOptimizer(Optimizer):  # numpydoc ignore=PR01
    """Base of optimizers that are evaluated at another point than they are stepped from.

    While it trains, the parameters hold the point at which gradients are to be taken. `eval` brings
    them to the one that is learned, and `train` back, in place. Not for direct use; see the
    subclasses, for example `ScheduleFreeSGD`.
    """

    @property
    def train_mode(self) -> bool:
        """Whether the parameters are where steps are taken from; `train` and `eval` change it."""
        return self._train_mode()

    def eval(self) -> None:
        """Bring the parameters to the point that is learned, in place, in one pass.

        So do it before they are used or saved: evaluated, predicted with, given to others. In eval
        mode it does nothing. Parameters that were never stepped have one point, and `copies` follow
        theirs. All of it is done, or nothing.

        Raises
        ------
        ValueError
            When the memory of a parameter is not what it was.

        Examples
        --------
        >>> import numpy as np, instep
        >>> w = np.array([1.0, 2.0])
        >>> optimizer = instep.ScheduleFreeSGD(w, lr=0.5)
        >>> for _ in range(3):
        ...     optimizer.step(w - 1.0)
        >>> optimizer.eval()
        >>> w.round(3)
        array([1.   , 1.273])
        >>> optimizer.train()
        >>> w.round(3)
        array([1.   , 1.253])
        """
        with self._turn():
            self._exchange(False)

    def train(self) -> None:
        """Bring the parameters back to the point from which they are stepped.

        In train mode, in which an optimizer begins, it does nothing. There and back, a number is
        what it was within two units in the last place of the largest of both points and the state
        through which they are exchanged.

        Raises
        ------
        ValueError
            When the memory of a parameter is not what it was.
        """
        with self._turn():
            self._exchange(True)

    def _shown(self) -> dict[str, Any]:
        return {"train_mode": self._train_mode()}
