"""A plane and a line through the point that an optimizer found, with the loss on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from instep.study.loss_surface.filter_directions import move

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from instep.study.arrays import Doubles, Singles
    from instep.study.handwriting.training import TrainingRun


@dataclass(frozen=True)
class Slice:
    """The losses around the end of a run.

    `losses` has a row for each distance of `square` along the second direction and a column for
    each along the first; `losses_on_line` are those at the distances of `line` along the first.
    """

    outcome: TrainingRun
    centre: float
    square: Doubles
    losses: Doubles
    line: Doubles
    losses_on_line: Doubles

    def share_within(self, rise: float) -> float:
        """Return the share of the square's points with a loss of at most `rise` over the centre."""
        return float(np.mean(self.losses <= self.centre + rise))


def losses_around(
    loss: Callable[[dict[str, Singles]], float],
    weights: Mapping[str, Singles],
    first: Mapping[str, Singles],
    second: Mapping[str, Singles],
    rights: Doubles,
    ups: Doubles,
    *,
    advance: Callable[[], None],
) -> Doubles:
    """Return the losses at distances `rights` along `first` and `ups` along `second`.

    A row for each of `ups`, a column for each of `rights`; `advance` is called after each loss.
    """
    losses = np.empty((len(ups), len(rights)))
    for row, up in enumerate(ups):
        for column, right in enumerate(rights):
            losses[row, column] = loss(move(weights, (right, first), (up, second)))
            advance()
    return losses
