from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from tests.optimizers.description import Description, Floats, Optimizer, Options

MATRIX, VECTOR = ("row_var", "col_var"), ("variance",)


def formula(theta: float, g: float, s: Floats, o: Floats, t: int) -> float:
    # One element is all of its row, of its column and of the array.
    given: float | None = o["eps1"]
    eps1 = sys.float_info.epsilon if given is None else given
    share = t ** o["beta2_decay"]
    for name in s:
        s[name] += share * (g**2 - s[name])
    v = s["variance"] if "variance" in s else s["row_var"] * s["col_var"]
    v /= 1.0 if "variance" in s else max(s["row_var"], eps1)
    u = g / math.sqrt(max(v, eps1**2))
    rate = max(o["eps2"], abs(theta)) * min(o["lr"], 1 / math.sqrt(t))
    kept = (1 - o["lr"] * o["weight_decay"]) * theta
    return kept - rate / max(1.0, abs(u) / o["d"]) * u


def initial_states(options: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys((*MATRIX, *VECTOR), 0.0)


CASES: tuple[tuple[tuple[str, ...], Options], ...] = (
    (MATRIX, {}),
    (MATRIX, {"eps1": 0.0, "eps2": 0.5, "d": 2.0, "maximize": True}),
    (MATRIX, {"eps1": 0.25, "beta2_decay": -0.5, "weight_decay": 0.1}),
    (VECTOR, {}),
    (VECTOR, {"eps1": 0.25, "eps2": 0.5, "beta2_decay": -0.5}),
    (VECTOR, {"eps1": 0.01, "d": 2.0, "weight_decay": 0.1, "maximize": True}),
)

DESCRIPTION = Description(
    optimizers={
        "Adafactor": Optimizer(
            variants=(
                {"weight_decay": 0.1},
                {"eps": (0.25, 0.5), "d": 2.0, "maximize": True},
                {"beta2_decay": -0.5},
            ),
        )
    },
    cases=tuple((states, {"lr": 0.1, **options}) for states, options in CASES),
    formula=formula,
    initial_states=initial_states,
    from_zero=(*MATRIX, *VECTOR),
    takes_rows=False,
    decay="own",
)
