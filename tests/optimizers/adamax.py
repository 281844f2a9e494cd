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

STATES = ("exp_avg", "exp_inf")


def cases() -> Iterator[StatesAndOptions]:
    for decay in DECAYS:
        yield STATES, {"lr": 0.1, **decay}
    yield STATES, {"lr": 0.1, "eps": 0.0, "maximize": True}
    yield STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.0, "beta2": 0.0}
    yield STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.7}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    m = s["exp_avg"] = o["beta1"] * s["exp_avg"] + (1 - o["beta1"]) * g
    u = s["exp_inf"] = max(o["beta2"] * s["exp_inf"], abs(g) + o["eps"])
    alpha: float = o["lr"] / (1 - o["beta1"] ** t)
    return theta - alpha * m / u


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "Adamax": Optimizer(
            variants=(
                {},
                {"betas": (0.5, 0.75), "eps": 0.5, "weight_decay": 0.1, "maximize": True},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=("exp_inf",),
)
