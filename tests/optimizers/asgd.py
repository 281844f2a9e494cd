from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import (
    DECAYS,
    Description,
    Floats,
    Optimizer,
    StatesAndOptions,
)

STATES = ("ax",)


def cases() -> Iterator[StatesAndOptions]:
    for decay in DECAYS:
        yield STATES, {"lr": 0.1, **decay}
    yield STATES, {"lr": 0.1, "lambd": 0.5, "alpha": 0.5, "t0": 1.0, "maximize": True}
    yield STATES, {"lr": 0.1, "lambd": 0.0, "alpha": 0.0, "t0": -5.0}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    eta = o["lr"] / (1 + o["lambd"] * o["lr"] * (t - 1)) ** o["alpha"]
    theta = (1 - o["lambd"] * eta) * theta - eta * g
    mu = 1.0 if t == 1 else 1 / max(1, t - 1 - o["t0"])
    s["ax"] += mu * (theta - s["ax"])
    return theta


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "ASGD": Optimizer(
            variants=(
                {},
                {"lambd": 0.5, "alpha": 0.5, "t0": 1.0, "weight_decay": 0.1, "maximize": True},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    scalars={"eta": 0.0, "mu": 0.0},
)
