from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import (
    Description,
    Floats,
    Optimizer,
    StatesAndOptions,
)

STATES = ("exp_avg",)


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 0.1}
    yield STATES, {"lr": 0.1, "maximize": True, "weight_decay": 0.1}
    yield STATES, {"lr": 0.1, "beta1": 0.3, "beta2": 0.7, "weight_decay": 0.1}
    yield STATES, {"lr": 0.1, "beta1": 0.0, "beta2": 0.0}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    m = s["exp_avg"]
    s["exp_avg"] = o["beta2"] * m + (1 - o["beta2"]) * g
    direction = o["beta1"] * m + (1 - o["beta1"]) * g
    return theta - o["lr"] * ((direction > 0) - (direction < 0))


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "Lion": Optimizer(
            variants=({}, {"betas": (0.5, 0.75), "weight_decay": 0.1, "maximize": True})
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    decay="decoupled",
)
