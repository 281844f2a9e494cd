from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer

STATES = ("exp_avg", "exp_avg_sq")


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    weight = 1 - o["beta1"] if o["grad_averaging"] else 1.0
    m = s["exp_avg"] = o["beta1"] * s["exp_avg"] + weight * g
    v = s["exp_avg_sq"] = o["beta2"] * s["exp_avg_sq"] + (1 - o["beta2"]) * g**2
    if o["bias_correction"]:
        m, v = m / (1 - o["beta1"] ** t), v / (1 - o["beta2"] ** t)
    u = m / (math.sqrt(v) + o["eps"])
    if not o["decoupled_weight_decay"]:
        u += o["weight_decay"] * theta
    trust = 1.0
    if o["weight_decay"] or o["always_adapt"]:
        trust = abs(theta / u) if theta != 0 and u != 0 else 1.0
        if o["trust_clip"]:
            trust = min(trust, 1.0)
    return theta - o["lr"] * trust * u


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "LAMB": Optimizer(
            variants=(
                {"betas": (0.5, 0.75), "eps": 0.5, "trust_clip": True, "maximize": True},
                {"weight_decay": 0.1, "decoupled_weight_decay": True, "grad_averaging": False},
                {"weight_decay": 0.0, "bias_correction": False},
            ),
        )
    },
    cases=(
        (STATES, {"lr": 0.1}),
        (STATES, {"lr": 0.1, "weight_decay": 0.0}),
        (STATES, {"lr": 0.1, "weight_decay": 0.0, "always_adapt": True, "maximize": True}),
        (STATES, {"lr": 0.1, "weight_decay": 0.1, "bias_correction": False}),
        (STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.7, "grad_averaging": False}),
        (
            STATES,
            {
                "lr": 0.1,
                "eps": 0.1,
                "weight_decay": 0.1,
                "decoupled_weight_decay": True,
                "trust_clip": True,
                "maximize": True,
            },
        ),
    ),
    formula=formula,
    initial_states=initial_states,
    from_zero=("exp_avg_sq",),
    takes_rows=False,
    decay="own",
    off={"weight_decay": 0.01, "trust_clip": False, "decoupled_weight_decay": False},
)
