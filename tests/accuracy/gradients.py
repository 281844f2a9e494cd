"""What is known of the gradient that a rule meets: conditions, weight decay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.accuracy.exact import Element, Real, gradient, number
from tests.accuracy.precision import FLOAT64, Precision, compound


@dataclass(frozen=True)
class Gradient:
    """An exact gradient; the computed one is within ``relative * size + absolute`` of it."""

    value: Real
    size: Real
    relative: Real = 0
    absolute: Real = 0

    @property
    def error(self) -> Real:
        return self.relative * self.size + self.absolute


def conditioned(
    p: Precision,
    grads: Sequence[Sequence[Real]],
    conditioned_grads: Sequence[Sequence[Real]],
    *,
    grad_scale: float = 1.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
) -> list[list[Gradient]]:
    """Return what is known of unscaled and clipped gradients."""
    zero, doubles = number(0), FLOAT64
    scaled = grad_scale != 1.0
    rounding = p.rounds_options * p.unit
    element = p.gamma(2) if scaled else zero
    if clip_value is not None:
        element = max(element, rounding)
    factor = zero
    if clip_norm is not None:
        roundings = additions([len(grad) for grad in grads]) + 1
        factor = compound(element / (1 - element), doubles.gamma(number(roundings) / 2 + 4))
    if clip_value is not None:
        clipped = clip_norm is not None
        relative = compound(element, factor, rounding, p.gamma(1)) if clipped else element
    elif scaled or clip_norm is not None:
        unscaling = doubles.gamma(2) if scaled else zero
        relative = compound(factor, unscaling, rounding, p.gamma(1))
    else:
        relative = zero
    return [
        [
            Gradient(
                after,
                abs(after),
                relative,
                p.smallest * (2 + abs(before) + abs(before) / number(grad_scale)),
            )
            for before, after in zip(grad, conditioned_grad, strict=True)
        ]
        for grad, conditioned_grad in zip(grads, conditioned_grads, strict=True)
    ]


def additions(sizes: Sequence[int]) -> int:
    """Return how many additions that round stand between a square and the sum of all squares."""
    deepest = 0
    for size in sizes:
        if size:
            lanes = min(-(-size // 16), 256) - 1
            blocks = math.ceil(math.log2(-(-size // 4096)))
            deepest = max(deepest, lanes + 4 + blocks)
    return deepest + math.ceil(math.log2(len(sizes)))


def decayed(
    p: Precision, before: Element, incoming: Gradient, options: Mapping[str, Any]
) -> Gradient:
    """Return what is known of the gradient with its sign and the decay that is part of it."""
    value = gradient({**before, "grad": incoming.value}, options)
    decay = options.get("weight_decay")
    if not decay or options.get("decoupled_weight_decay"):
        return Gradient(value, incoming.size, incoming.relative, incoming.absolute)
    c, param = p.rounds_options, abs(before["param"])
    return Gradient(
        value,
        incoming.size + decay * param,
        compound(p.gamma(2 + c), incoming.relative),
        2 * incoming.absolute + p.smallest * (1 + c * param),
    )
