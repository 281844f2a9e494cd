from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, Options


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    # One element is a row.
    v = s["state_sum"] = s["state_sum"] + g**2
    return theta - o["lr"] / (math.sqrt(v) + o["eps"]) * g


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return {"sum": options["initial_accumulator_value"]}


CASES: tuple[Options, ...] = (
    {},
    {"eps": 0.0},
    {"eps": 0.01, "maximize": True},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
)

DESCRIPTION = Description(
    optimizers={
        "RowwiseAdagrad": Optimizer(
            variants=(
                {},
                {"initial_accumulator_value": 0.25, "weight_decay": 0.1},
                {"decoupled_weight_decay": True, "weight_decay": 0.1, "maximize": True},
            ),
        )
    },
    cases=tuple((("state_sum",), {"lr": 0.1, **options}) for options in CASES),
    formula=formula,
    initial_states=initial_states,
    from_zero=("state_sum",),
)
