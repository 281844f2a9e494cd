from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, StatesAndOptions

STATES = ("exp_avg", "exp_avg_var")


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 0.1}
    yield STATES, {"lr": 0.1, "eps": 0.0}
    yield STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.7}
    yield STATES, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}
    yield (
        STATES,
        {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": False, "maximize": True},
    )


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    m = s["exp_avg"] = o["beta1"] * s["exp_avg"] + (1 - o["beta1"]) * g
    v = o["beta2"] * s["exp_avg_var"] + (1 - o["beta2"]) * (g - m) ** 2 + o["eps"]
    s["exp_avg_var"] = v
    m_hat = m / (1 - o["beta1"] ** t)
    v_hat = v / (1 - o["beta2"] ** t)
    return theta - o["lr"] * m_hat / (math.sqrt(v_hat) + o["eps"])


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "AdaBelief": Optimizer(
            variants=(
                {},
                {"betas": (0.5, 0.75), "eps": 0.5, "weight_decay": 0.1, "maximize": True},
                {"weight_decay": 0.1, "decoupled_weight_decay": False},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=("exp_avg_var",),
)
