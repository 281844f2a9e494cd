from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import (
    Description,
    Floats,
    Optimizer,
    Options,
    StatesAndOptions,
)

STATES = ("state_sum",)


def cases() -> Iterator[StatesAndOptions]:
    inside: Options = {"eps": 0.01, "eps_inside_sqrt": True}
    yield STATES, {"lr": 0.1, "weight_decay": 0.1}
    yield STATES, {"lr": 0.1, "eps": 0.0, "maximize": True}
    yield STATES, {"lr": 0.1, "lr_decay": 0.1, "maximize": True, "weight_decay": 0.1}
    yield STATES, {"lr": 0.1, **inside}
    yield STATES, {"lr": 0.1, "lr_decay": 0.1, **inside, "weight_decay": 0.1}


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
    from_zero=STATES,
)
