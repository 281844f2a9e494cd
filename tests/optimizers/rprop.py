from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, StatesAndOptions

STATES = ("prev", "step_size")


def cases() -> Iterator[StatesAndOptions]:
    yield STATES, {"lr": 0.1}
    yield STATES, {"lr": 0.3, "etaminus": 0.3, "etaplus": 1.7, "maximize": True}
    yield STATES, {"lr": 0.1, "step_size_min": 0.2, "step_size_max": 0.7}
    yield STATES, {"lr": 0.1, "step_size_min": 0.7, "step_size_max": 0.2}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    delta = s["step_size"] if s["step_size"] >= 0 else o["lr"]
    product = g * s["prev"]
    if product > 0:
        delta = delta * o["etaplus"]
    elif product < 0:
        delta = delta * o["etaminus"]
        g = 0.0
    delta = s["step_size"] = min(max(delta, o["step_size_min"]), o["step_size_max"])
    s["prev"] = g
    return theta - delta * ((g > 0) - (g < 0))


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return {"prev": 0.0, "step_size": -1.0}


DESCRIPTION = Description(
    optimizers={
        "Rprop": Optimizer(
            variants=(
                {},
                {"etas": (0.3, 1.7), "maximize": True},
                {"step_sizes": (0.02, 0.05)},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
)
