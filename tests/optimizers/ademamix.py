from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, StatesAndOptions

STATES = ("exp_avg_fast", "exp_avg_slow", "exp_avg_sq")


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 0.1}
    yield STATES, {"lr": 0.1, "eps": 0.0, "weight_decay": 0.1}
    yield STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.7, "beta3": 0.8, "alpha": 5.0}
    yield STATES, {"lr": 0.1, "beta3_warmup": 1000.0, "alpha_warmup": 5.0, "maximize": True}
    yield STATES, {"lr": 0.1, "beta1": 0.0, "beta3": 0.5, "beta3_warmup": 6.0}


def warmed(o: Mapping[str, Any], t: int) -> float:
    beta3: float = o["beta3"]
    if o["beta3_warmup"] is None or t >= o["beta3_warmup"]:
        return beta3
    part, log3 = t / o["beta3_warmup"], math.log(beta3)
    if o["beta1"] == 0:
        return math.exp(log3 / part)
    log1 = math.log(o["beta1"])
    return min(math.exp(log1 * log3 / ((1 - part) * log3 + part * log1)), beta3)


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    beta1, beta2, beta3, alpha = o["beta1"], o["beta2"], warmed(o, t), o["alpha"]
    if o["alpha_warmup"]:
        alpha = min(t * alpha / o["alpha_warmup"], alpha)
    fast = s["exp_avg_fast"] = beta1 * s["exp_avg_fast"] + (1 - beta1) * g
    slow = s["exp_avg_slow"] = beta3 * s["exp_avg_slow"] + (1 - beta3) * g
    v = s["exp_avg_sq"] = beta2 * s["exp_avg_sq"] + (1 - beta2) * g**2
    above = fast / (1 - beta1**t) + alpha * slow
    return theta - o["lr"] * above / (math.sqrt(v / (1 - beta2**t)) + o["eps"])


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "AdEMAMix": Optimizer(
            variants=(
                {},
                {"betas": (0.5, 0.75, 0.875), "alpha": 5.0, "eps": 0.5, "weight_decay": 0.1},
                {"beta3_warmup": 4.0, "alpha_warmup": 8.0, "maximize": True},
            )
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=("exp_avg_sq",),
    decay="decoupled",
)
