from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import (
    Description,
    Floats,
    Optimizer,
    StatesAndOptions,
)


def cases() -> Iterator[StatesAndOptions]:
    yield (), {"lr": 0.0}
    yield (), {"lr": 0.1}
    yield (), {"lr": 0.1, "maximize": True, "weight_decay": 0.1}
    # Decays that float32 rounds to 0 or to infinity: the product with the parameter still counts.
    yield (), {"lr": 0.1, "weight_decay": 1e-60}
    buffer = ("momentum_buffer",)
    yield buffer, {"lr": 0.1, "momentum": 1e60, "weight_decay": 1e60}
    yield buffer, {"lr": 0.1, "momentum": 0.0}
    yield buffer, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}
    yield buffer, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}
    nesterov = {"lr": 0.1, "momentum": 0.9, "nesterov": True}
    yield buffer, nesterov
    yield buffer, {**nesterov, "maximize": True, "weight_decay": 0.1}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    if "momentum_buffer" not in s:
        return theta - o["lr"] * g
    b = g if t == 1 else o["momentum"] * s["momentum_buffer"] + (1 - o["dampening"]) * g
    s["momentum_buffer"] = b
    return theta - o["lr"] * (g + o["momentum"] * b if o["nesterov"] else b)


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return {"momentum_buffer": 0.0} if options["momentum"] else {}


DESCRIPTION = Description(
    optimizers={
        "SGD": Optimizer(
            variants=(
                {},
                {"momentum": 0.9, "dampening": 0.5},
                {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
                {"weight_decay": 0.1, "maximize": True},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    off={"dampening": 0.0, "nesterov": False},
)
