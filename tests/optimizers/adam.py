from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import (
    Description,
    Floats,
    Optimizer,
    Options,
    StatesAndOptions,
)


def cases() -> Iterator[StatesAndOptions]:
    moments = ("exp_avg", "exp_avg_sq")
    decoupled: Options = {"weight_decay": 0.1, "decoupled_weight_decay": True}
    yield moments, {"lr": 0.1}
    yield moments, {"lr": 0.1, "eps": 0.0}
    yield moments, {"lr": 0.1, "eps_hat": True, **decoupled}
    yield moments, {"lr": 0.1, "eps_hat": True, "weight_decay": 0.1}
    yield moments, {"lr": 0.1, "bias_correction": False, "weight_decay": 0.1}
    yield moments, {"lr": 0.1, "eps": 0.1, "beta1": 0.0, "beta2": 0.0}
    yield moments, {"lr": 0.1, "maximize": True, "weight_decay": 0.1}
    yield moments, {"lr": 0.1, "maximize": True, **decoupled}
    amsgrad = (*moments, "max_exp_avg_sq")
    yield amsgrad, {"lr": 0.1, "maximize": True}
    yield amsgrad, {"lr": 0.1, "weight_decay": 0.1}
    yield amsgrad, {"lr": 0.1, "eps_hat": True, **decoupled}
    yield amsgrad, {"lr": 0.1, "bias_correction": False, "weight_decay": 0.1}
    yield amsgrad, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.7}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    m = s["exp_avg"] = o["beta1"] * s["exp_avg"] + (1 - o["beta1"]) * g
    v = s["exp_avg_sq"] = o["beta2"] * s["exp_avg_sq"] + (1 - o["beta2"]) * g**2
    if "max_exp_avg_sq" in s:
        v = s["max_exp_avg_sq"] = max(s["max_exp_avg_sq"], v)
    if not o["bias_correction"]:
        return theta - o["lr"] * m / (math.sqrt(v) + o["eps"])
    if o["eps_hat"]:
        alpha = o["lr"] * math.sqrt(1 - o["beta2"] ** t) / (1 - o["beta1"] ** t)
        return theta - alpha * m / (math.sqrt(v) + o["eps"])
    m_hat = m / (1 - o["beta1"] ** t)
    v_hat = v / (1 - o["beta2"] ** t)
    return theta - o["lr"] * m_hat / (math.sqrt(v_hat) + o["eps"])


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * options["amsgrad"]
    return dict.fromkeys(names, 0.0)


DESCRIPTION = Description(
    optimizers={
        "Adam": Optimizer(
            variants=(
                {},
                {"betas": (0.5, 0.75), "eps": 0.5, "weight_decay": 0.1, "maximize": True},
                {"amsgrad": True},
                {"eps_hat": True, "eps": 0.5},
                {"bias_correction": False},
                {"decoupled_weight_decay": True, "weight_decay": 0.1},
            ),
        ),
        "AdamW": Optimizer(
            variants=({}, {"weight_decay": 0.1, "amsgrad": True, "maximize": True}),
            constants={"decoupled_weight_decay": True},
        ),
        "AMSGrad": Optimizer(
            variants=({}, {"weight_decay": 0.1}),
            constants={"amsgrad": True, "bias_correction": False},
        ),
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=("exp_avg_sq", "max_exp_avg_sq"),
)
