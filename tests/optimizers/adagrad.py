from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import (
    DECAYS,
    EPS_PLACES,
    Description,
    Floats,
    Optimizer,
    Options,
    StatesAndOptions,
)


def cases() -> Iterator[StatesAndOptions]:
    lr_decays: tuple[Options, ...] = ({}, {"lr_decay": 0.1})
    for lr_decay, eps, decay in itertools.product(lr_decays, EPS_PLACES, DECAYS):
        yield ("state_sum",), {"lr": 0.1, **lr_decay, **eps, **decay}
    yield ("state_sum",), {"lr": 0.1, "eps": 0.0}
    for decay in DECAYS:
        yield ("state_sum",), {"lr": 0.1, "maximize": True, **decay}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    lr = o["lr"] / (1 + (t - 1) * o["lr_decay"])
    v = s["state_sum"] = s["state_sum"] + g**2
    root = math.sqrt(v + o["eps"]) if o["eps_inside_sqrt"] else math.sqrt(v) + o["eps"]
    return theta - lr * g / root


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return {"sum": options["initial_accumulator_value"]}


DESCRIPTION = Description(
    optimizers={
        "Adagrad": Optimizer(
            variants=(
                {},
                {"lr_decay": 0.5, "initial_accumulator_value": 0.25, "weight_decay": 0.1},
                {"eps_inside_sqrt": True, "eps": 0.5, "maximize": True},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    off={"lr_decay": 0.0},
    from_zero=("state_sum",),
)
