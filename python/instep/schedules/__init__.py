"""Learning rates for each count of completed steps, to pass as the `lr` of an optimizer or a group.

Or as another hyperparameter that is a number from 0 on.

The rate of the first step is that at 0, of the second that at 1. A schedule is its parameters and
nothing else: it cannot be changed, schedules with equal parameters are equal, and optimizers copy,
pickle and print it. One that is not here is any callable that takes the count.

>>> import numpy as np
>>> import instep
>>> from instep.schedules import CosineDecay, LinearWarmup
>>> w = np.zeros(3)
>>> optimizer = instep.SGD(w, lr=LinearWarmup(3, CosineDecay(1.0, steps=100)))
>>> optimizer.step(np.ones(3))
>>> w
array([-0.25, -0.25, -0.25])
>>> optimizer.lr
LinearWarmup(steps=3, then=CosineDecay(initial=1.0, steps=100, final=0.0), start=0.25)
"""

from instep.schedules.diminishing import InverseSquareRoot, SearchThenConverge
from instep.schedules.exponential import ExponentialDecay, StepDecay
from instep.schedules.finite import CosineDecay, PolynomialDecay
from instep.schedules.warmup import LinearWarmup

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "InverseSquareRoot",
    "LinearWarmup",
    "PolynomialDecay",
    "SearchThenConverge",
    "StepDecay",
]
