from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer

BUFFER = ("momentum_buffer",)


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    if o["weight_decay"] or o["always_adapt"]:
        size = abs(theta)
        trust = 1.0
        if size > 0 and g != 0:
            trust = o["trust_coeff"] * size / (abs(g) + o["weight_decay"] * size + o["eps"])
        if o["trust_clip"]:
            trust = min(trust / o["lr"], 1.0)
        g = trust * (g + o["weight_decay"] * theta)
    if "momentum_buffer" not in s:
        return theta - o["lr"] * g
    b = g if t == 1 else o["momentum"] * s["momentum_buffer"] + (1 - o["dampening"]) * g
    s["momentum_buffer"] = b
    return theta - o["lr"] * (g + o["momentum"] * b if o["nesterov"] else b)


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return {"momentum_buffer": 0.0} if options["momentum"] else {}


DESCRIPTION = Description(
    optimizers={
        "LARS": Optimizer(
            variants=(
                {"weight_decay": 0.1, "trust_coeff": 0.1},
                {"momentum": 0.9, "nesterov": True, "always_adapt": True, "maximize": True},
                {"momentum": 0.9, "dampening": 0.5},
            ),
        )
    },
    cases=(
        ((), {"lr": 0.1, "maximize": True}),
        ((), {"lr": 0.1, "weight_decay": 0.1, "trust_coeff": 0.5, "eps": 0.25}),
        (BUFFER, {"lr": 0.1, "momentum": 0.9}),
        (BUFFER, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "always_adapt": True}),
        (
            BUFFER,
            {
                "lr": 0.1,
                "momentum": 0.9,
                "dampening": 0.3,
                "weight_decay": 0.1,
                "trust_coeff": 0.05,
                "trust_clip": True,
                "maximize": True,
            },
        ),
    ),
    formula=formula,
    initial_states=initial_states,
    takes_rows=False,
    decay="own",
    off={"dampening": 0.0, "nesterov": False, "trust_clip": False},
)
