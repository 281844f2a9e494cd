from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, StatesAndOptions
from tests.optimizers.schedule_free_sgd import average

STATES = ("z", "exp_avg_sq")


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 0.1}
    yield STATES, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.7}
    yield STATES, {"lr": 0.1, "eps": 0.0, "warmup_steps": 3, "r": 0.7}
    yield STATES, {"lr": 0.1, "weight_decay": 0.1, "maximize": True, "weight_lr_power": -1.5}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    v = s["exp_avg_sq"] = o["beta2"] * s["exp_avg_sq"] + (1 - o["beta2"]) * g**2
    root = math.sqrt(v / (1 - o["beta2"] ** t)) + o["eps"]
    adapted = g / root if root else math.nan
    return average(theta, adapted + o["weight_decay"] * theta, s, o, t, o["beta1"])


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(STATES, 0.0)


DESCRIPTION = Description(
    optimizers={
        "ScheduleFreeAdamW": Optimizer(
            variants=(
                {},
                {"betas": (0.5, 0.75), "eps": 0.5, "weight_decay": 0.1, "maximize": True},
                {"warmup_steps": 2, "r": 1.0, "weight_lr_power": 0.5},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    scalars={"weight_sum": 0.0, "lr_max": -1.0},
    begin_as_param=("z",),
    from_zero=("exp_avg_sq",),
    off={"warmup_steps": 0.0, "r": 0.0},
    decay="own",
)
