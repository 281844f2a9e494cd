from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import (
    DECAYS,
    Description,
    Floats,
    Optimizer,
    StatesAndOptions,
)

STATES = ("exp_avg", "exp_avg_sq")


def cases() -> Iterator[StatesAndOptions]:
    for decay in DECAYS:
        yield STATES, {"lr": 0.1, **decay}
    yield STATES, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}
    yield STATES, {"lr": 0.1, "eps": 0.0, "maximize": True}
    yield STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.9}
    yield STATES, {"lr": 0.1, "beta1": 0.0, "beta2": 0.6}  # never rectified


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    m = s["exp_avg"] = o["beta1"] * s["exp_avg"] + (1 - o["beta1"]) * g
    v = s["exp_avg_sq"] = o["beta2"] * s["exp_avg_sq"] + (1 - o["beta2"]) * g**2
    m_hat = m / (1 - o["beta1"] ** t)
    rho_inf = 2 / (1 - o["beta2"]) - 1
    rho = rho_inf - 2 * t * o["beta2"] ** t / (1 - o["beta2"] ** t)
    if rho <= 5:
        return theta - o["lr"] * m_hat
    r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return theta - o["lr"] * m_hat * r * math.sqrt(1 - o["beta2"] ** t) / (math.sqrt(v) + o["eps"])


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "RAdam": Optimizer(
            variants=(
                {},
                {"betas": (0.5, 0.75), "eps": 0.5, "weight_decay": 0.1, "maximize": True},
                {"decoupled_weight_decay": True, "weight_decay": 0.1},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=("exp_avg_sq",),
)
