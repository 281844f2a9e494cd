"""Online linear problems: play a point x of [−1, 1], pay g x, learn g, take a step.

The optimizers' rules are element-wise, so one array holds as many independent games as it has
elements; games whose hyperparameters differ are groups of one optimizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import instep
    from instep.study.arrays import Doubles
    from instep.study.progress import Bar
    from instep.study.report.iterations import Iterations

CHUNK = 4096


@dataclass(frozen=True)
class Course:
    r"""How the games went: one row for each mark, then the axes of the games.

    `x` is the point played at a mark's iteration, `mean` the mean of all points up to it, `regret`
    the average regret,

    .. math::

        R_T / T = \frac{1}{T} \Big( \sum_{t=1}^T g_t x_t - \min_{x \in [-1, 1]}
        \sum_{t=1}^T g_t x \Big)

    and `final` the points after the last step.
    """

    marks: Iterations
    x: Doubles
    mean: Doubles
    regret: Doubles
    final: Doubles


def chunks(steps: int) -> Iterator[Iterations]:
    """Yield the iterations 1 to `steps` in pieces that are convenient to draw gradients for."""
    for begin in range(1, steps + 1, CHUNK):
        yield np.arange(begin, min(begin + CHUNK, steps + 1))


def play(
    optimizer: Callable[..., instep.Optimizer],
    groups: Sequence[Mapping[str, Any]],
    gradients: Iterable[Doubles],
    marks: Iterations,
    *,
    start: float,
    bar: Bar,
) -> Course:
    """Play games with one optimizer.

    Parameters
    ----------
    optimizer : callable
        A class of `instep`.
    groups : sequence of mapping
        The hyperparameters of each group of games.
    gradients : iterable of ndarray
        Gradients, in chunks of shape ``(steps, groups or 1, games of a group)``.
    marks : ndarray of int
        The iterations, from 1 on, that `Course` tells of, in ascending order.
    start : float
        The first point.
    bar : Bar
        Advances by the steps.
    """
    rows: list[tuple[Doubles, Doubles, Doubles]] = []
    paid: Doubles | float = 0.0
    total: Doubles | float = 0.0
    way: Doubles | float = 0.0
    begin = 1
    for chunk in gradients:
        if begin == 1:
            x = np.full((len(groups), chunk.shape[2]), start)
            gradient = np.empty_like(x)
            # One buffer for each group, the same at every step: checked once, not every time.
            buffers = list(gradient)
            stepper = optimizer(
                [{"params": row, **group} for row, group in zip(x, groups, strict=True)]
            )
            played = np.empty((CHUNK, *x.shape))
        for index, each in enumerate(chunk):
            played[index] = x
            gradient[...] = each
            stepper.step(buffers)
            # np.clip is these two, and half of a step's time more.
            np.minimum(x, 1.0, out=x)
            np.maximum(x, -1.0, out=x)
        here = marks[(marks >= begin) & (marks < begin + len(chunk))] - begin
        points = played[: len(chunk)]
        losses = paid + np.cumsum(points * chunk, axis=0)
        sums = total + np.cumsum(chunk, axis=0)
        ways = way + np.cumsum(points, axis=0)
        # The best point in hindsight is an end of [−1, 1]: it pays −|sum of the gradients|.
        counts = (here + begin)[:, None, None]
        regrets = (losses[here] + np.abs(sums[here])) / counts
        rows.append((points[here], ways[here] / counts, regrets))
        paid, total, way, begin = losses[-1], sums[-1], ways[-1], begin + len(chunk)
        bar.advance(len(chunk))
    points, means, regrets = (np.concatenate(each) for each in zip(*rows, strict=True))
    return Course(marks, points, means, regrets, x)
