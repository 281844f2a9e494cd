from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import (
    Description,
    Floats,
    Optimizer,
    StatesAndOptions,
)

STATES = ("square_avg", "acc_delta")


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 1.0}
    yield STATES, {"lr": 1.0, "rho": 0.0, "weight_decay": 0.1}
    yield STATES, {"lr": 1.0, "rho": 1.0}
    yield STATES, {"lr": 0.5, "eps": 0.0}
    yield STATES, {"lr": 0.5, "eps": 0.1, "maximize": True, "weight_decay": 0.1}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    rho, eps = o["rho"], o["eps"]
    s["square_avg"] = rho * s["square_avg"] + (1 - rho) * g**2
    delta = math.sqrt(s["acc_delta"] + eps) / math.sqrt(s["square_avg"] + eps) * g
    s["acc_delta"] = rho * s["acc_delta"] + (1 - rho) * delta**2
    return theta - o["lr"] * delta


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "Adadelta": Optimizer(
            variants=({}, {"rho": 0.5, "eps": 0.5, "weight_decay": 0.1, "maximize": True}),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=STATES,
)
