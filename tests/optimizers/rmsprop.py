from __future__ import annotations

import itertools
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
    inside: Options = {"eps": 0.01, "eps_inside_sqrt": True}
    for center, momentum in itertools.product(((), ("grad_avg",)), (False, True)):
        states = ("square_avg", *center, *(("momentum_buffer",) if momentum else ()))
        more: Options = {"momentum": 0.9} if momentum else {}
        yield states, {"lr": 0.1, **more}
        yield states, {"lr": 0.1, **more, **inside, "weight_decay": 0.1}
        yield states, {"lr": 0.1, "alpha": 0.5, "eps": 0.0, **more}
    yield ("square_avg",), {"lr": 0.1, "alpha": 0.0, "maximize": True}
    yield ("square_avg",), {"lr": 0.1, "alpha": 1.0, "weight_decay": 0.1, "maximize": True}
    yield ("square_avg", "momentum_buffer"), {"lr": 0.1, "momentum": 0.0}


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    v = s["square_avg"] = o["alpha"] * s["square_avg"] + (1 - o["alpha"]) * g**2
    if "grad_avg" in s:
        s["grad_avg"] = o["alpha"] * s["grad_avg"] + (1 - o["alpha"]) * g
        v = max(v - s["grad_avg"] ** 2, 0.0)
    root = math.sqrt(v + o["eps"]) if o["eps_inside_sqrt"] else math.sqrt(v) + o["eps"]
    if "momentum_buffer" not in s:
        return theta - o["lr"] * g / root
    s["momentum_buffer"] = o["momentum"] * s["momentum_buffer"] + g / root
    return theta - o["lr"] * s["momentum_buffer"]


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    names = ["square_avg"] + ["grad_avg"] * options["centered"]
    names += ["momentum_buffer"] * bool(options["momentum"])
    return dict.fromkeys(names, 0.0) | {"square_avg": options["initial_accumulator_value"]}


DESCRIPTION = Description(
    optimizers={
        "RMSprop": Optimizer(
            variants=(
                {},
                {"momentum": 0.9, "weight_decay": 0.1},
                {"centered": True, "alpha": 0.5},
                {"centered": True, "momentum": 0.9, "eps_inside_sqrt": True, "maximize": True},
                {"initial_accumulator_value": 0.25, "eps_inside_sqrt": True},
            ),
        )
    },
    cases=tuple(cases()),
    formula=formula,
    initial_states=initial_states,
    from_zero=("square_avg",),
)
