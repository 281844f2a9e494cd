from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, StatesAndOptions


def cases() -> Iterator[StatesAndOptions]:
    yield ("z",), {"lr": 0.1}
    yield ("z",), {"lr": 0.1, "momentum": 0.3, "warmup_steps": 3, "r": 0.7}
    yield ("z",), {"lr": 0.1, "weight_decay": 0.1, "weight_lr_power": 0.0}
    yield ("z",), {"lr": 0.1, "weight_decay": 0.1, "maximize": True, "weight_lr_power": -1.5}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    return average(theta, g, s, o, t, o["momentum"])


def average(y: float, step: float, s: Floats, o: Floats, t: int, beta: float) -> float:
    """Return the next y: the paper's equations, with the mean as a number of its own."""
    x = (y - (1 - beta) * s["z"]) / beta
    lr = o["lr"] * min(1.0, t / o["warmup_steps"] if o["warmup_steps"] else 1.0)
    s["lr_max"] = max(s["lr_max"], lr)
    weight: float = t ** o["r"] * s["lr_max"] ** o["weight_lr_power"]
    s["weight_sum"] += weight
    s["z"] -= lr * step
    x += weight / s["weight_sum"] * (s["z"] - x)
    return beta * x + (1 - beta) * s["z"]


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return {"z": 0.0}


DESCRIPTION = Description(
    optimizers={
        "ScheduleFreeSGD": Optimizer(
            variants=(
                {},
                {"momentum": 0.5, "weight_decay": 0.1, "warmup_steps": 2, "maximize": True},
                {"r": 1.0, "weight_lr_power": 0.5},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    scalars={"weight_sum": 0.0, "lr_max": -1.0},
    begin_as_param=("z",),
    off={"warmup_steps": 0.0, "r": 0.0},
)
