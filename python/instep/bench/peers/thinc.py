"""Thinc's optimizers, without their clipping and averages.

They take one thread, whatever the case allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import thinc.api

from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, Offer, Stepper, each_in_turn

if TYPE_CHECKING:
    from instep.bench.arrays import Array
    from instep.bench.cases import Case


_PLAIN = {"grad_clip": 0, "use_averages": False}


def _sgd(*, lr: float, **_: object) -> Any:
    return thinc.api.SGD(lr, **_PLAIN)


def _adam(*, lr: float, beta1: float, beta2: float, eps: float, **_: object) -> Any:
    return thinc.api.Adam(lr, beta1=beta1, beta2=beta2, eps=eps, **_PLAIN)


_OPTIMIZERS = {"sgd": _sgd, "adam": _adam}


def _begin(case: Case) -> Stepper:
    optimizer = _OPTIMIZERS[case.rule.name](**case.rule.flat_hyperparameters)
    arrays, grads = case.arrays()
    params = [((number, "W"), param) for number, param in enumerate(as_list(arrays))]
    buffers = [np.empty_like(param) for _, param in params]

    def step(grads: list[Array]) -> None:
        for (key, param), grad, buffer in zip(params, grads, buffers, strict=True):
            # It leaves zeros in the gradient, and so needs a fresh one each time.
            buffer[...] = grad
            optimizer(key, param, buffer)

    return Stepper(each_in_turn(step, [as_list(each) for each in grads]), lambda: as_list(arrays))


CONTENDERS = (
    Contender(
        "thinc",
        _begin,
        Offer(
            _OPTIMIZERS,
            ("float32",),
            ("contiguous",),
            lacking={"adamw": "decays the parameters after the step, not before"},
            # It adds eps to the root of the uncorrected second moment.
            forms={"adam": {"eps_hat": True}},
        ),
    ),
)
