from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, StatesAndOptions

STATES = ("accumulator", "linear")


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 0.1}
    yield STATES, {"lr": 0.1, "l1": 0.5}
    yield STATES, {"lr": 0.1, "beta": 1.0, "l2": 0.3}
    yield STATES, {"lr": 2.0, "beta": 0.5, "l1": 0.3, "l2": 0.1, "maximize": True}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    before = s["accumulator"]
    n = s["accumulator"] = before + g**2
    sigma = (math.sqrt(n) - math.sqrt(before)) / o["lr"]
    z = s["linear"] = s["linear"] + g - sigma * theta
    if abs(z) <= o["l1"]:
        return 0.0
    curvature = (o["beta"] + math.sqrt(n)) / o["lr"] + 2 * o["l2"]
    return (math.copysign(o["l1"], z) - z) / curvature


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return {"accumulator": options["initial_accumulator_value"], "linear": 0.0}


DESCRIPTION = Description(
    optimizers={
        "FTRL": Optimizer(
            variants=(
                {},
                {"beta": 1.0, "l1": 0.5, "l2": 0.25, "maximize": True},
                {"initial_accumulator_value": 0.0, "beta": 0.5},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=("accumulator",),
)
