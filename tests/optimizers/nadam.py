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

STATES = ("exp_avg", "exp_avg_sq")


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 0.1}
    yield STATES, {"lr": 0.1, "weight_decay": 0.1, "maximize": True}
    yield STATES, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}
    yield STATES, {"lr": 0.1, "eps": 0.0, "momentum_decay": 0.5}
    yield STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.7}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    def mu(step: int) -> float:
        product: float = o["beta1"] * (1 - 0.5 * 0.96 ** (step * o["momentum_decay"]))
        return product

    m = s["exp_avg"] = o["beta1"] * s["exp_avg"] + (1 - o["beta1"]) * g
    v = s["exp_avg_sq"] = o["beta2"] * s["exp_avg_sq"] + (1 - o["beta2"]) * g**2
    so_far = math.prod(map(mu, range(1, t + 1)))
    m_hat = mu(t + 1) * m / (1 - so_far * mu(t + 1)) + (1 - mu(t)) * g / (1 - so_far)
    return theta - o["lr"] * m_hat / (math.sqrt(v / (1 - o["beta2"] ** t)) + o["eps"])


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "NAdam": Optimizer(
            variants=(
                {},
                {"betas": (0.5, 0.75), "eps": 0.5, "weight_decay": 0.1, "maximize": True},
                {"momentum_decay": 0.5, "weight_decay": 0.1, "decoupled_weight_decay": True},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    scalars={"mu_product": 1.0},
    from_zero=("exp_avg_sq",),
)
