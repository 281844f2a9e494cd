from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, StatesAndOptions

STATES = ("exp_avg", "exp_avg_sq", "exp_avg_diff", "neg_pre_grad")


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 0.1}
    yield STATES, {"lr": 0.1, "eps": 0.0, "maximize": True}
    yield STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.6, "beta3": 0.7}
    yield STATES, {"lr": 0.1, "weight_decay": 0.1}
    yield STATES, {"lr": 0.1, "weight_decay": 0.1, "no_prox": True}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    beta1, beta2, beta3, decay = o["beta1"], o["beta2"], o["beta3"], o["lr"] * o["weight_decay"]
    d = g + s["neg_pre_grad"] if t > 1 else 0.0
    s["neg_pre_grad"] = -g
    m = s["exp_avg"] = beta1 * s["exp_avg"] + (1 - beta1) * g
    v = s["exp_avg_diff"] = beta2 * s["exp_avg_diff"] + (1 - beta2) * d
    n = s["exp_avg_sq"] = beta3 * s["exp_avg_sq"] + (1 - beta3) * (g + beta2 * d) ** 2
    above = m / (1 - beta1**t) + beta2 * v / (1 - beta2**t)
    update = o["lr"] * above / (math.sqrt(n / (1 - beta3**t)) + o["eps"])
    return (1 - decay) * theta - update if o["no_prox"] else (theta - update) / (1 + decay)


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "Adan": Optimizer(
            variants=(
                {},
                {"betas": (0.5, 0.75, 0.25), "eps": 0.5, "weight_decay": 0.1, "maximize": True},
                {"weight_decay": 0.1, "no_prox": True},
            )
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=("exp_avg_sq",),
    decay="own",
)
