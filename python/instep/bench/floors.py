"""Stand-in, to be replaced: NumPy loops that look like the floors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.bench.contenders import Contender, NotOffered, Stepper, as_list, each_in_turn

if TYPE_CHECKING:
    from instep.bench.cases import Array, Arrays, Case


def _traffic(case: Case) -> Stepper:
    params, grads = case.arrays()

    def step(grads: Arrays) -> None:
        for param, grad in zip(as_list(params), as_list(grads), strict=True):
            np.add(param, grad, out=param)

    return Stepper(each_in_turn(step, grads), lambda: as_list(params))


def _roots(case: Case) -> Stepper:
    if case.rule.roots == 0:
        raise NotOffered("a rule without a root has no such floor")
    params, grads = case.arrays()
    ones: list[Array] = [np.ones_like(param) for param in as_list(params)]

    def step(_: Arrays) -> None:
        for one in ones:
            np.sqrt(one, out=one)

    return Stepper(each_in_turn(step, grads), lambda: as_list(params))


FLOORS = (Contender("traffic floor", _traffic), Contender("root floor", _roots))
