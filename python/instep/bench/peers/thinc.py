"""Thinc's optimizers, without their clipping and averages.

They add eps to the root of the uncorrected second moment, the form of ``eps_hat=True``. They take
one thread, whatever the case allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import thinc.api

from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, NotOffered, Stepper, each_in_turn

if TYPE_CHECKING:
    from instep.bench.arrays import Array
    from instep.bench.cases import Case


def _prepare(case: Case) -> Stepper:
    rule = case.rule.name
    if rule == "adamw":
        raise NotOffered("decays the parameters after the step, not before")
    if rule not in ("sgd", "adam"):
        raise NotOffered("no such rule")
    if case.dtype != "float32":
        raise NotOffered(f"no {case.dtype}")
    if case.layout != "contiguous":
        raise NotOffered("contiguous arrays only")
    given = case.rule.hyperparameters
    if rule == "adam":
        beta1, beta2 = given["betas"]
        optimizer = thinc.api.Adam(
            given["lr"], beta1=beta1, beta2=beta2, eps=given["eps"], grad_clip=0, use_averages=False
        )
    else:
        optimizer = thinc.api.SGD(given["lr"], grad_clip=0, use_averages=False)
    arrays, grads = case.arrays()
    params = [((number, "W"), param) for number, param in enumerate(as_list(arrays))]
    buffers = [np.empty_like(param) for _, param in params]

    def step(grads: list[Array]) -> None:
        for (key, param), grad, buffer in zip(params, grads, buffers, strict=True):
            # It leaves zeros in the gradient, and so needs a fresh one each time.
            buffer[...] = grad
            optimizer(key, param, buffer)

    return Stepper(each_in_turn(step, [as_list(each) for each in grads]), lambda: as_list(arrays))


CONTENDERS = (Contender("thinc", _prepare),)
