"""The ways in which the arrays of a step are stored."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from instep.reference import split_master
from tests.cases import DTYPES, FEW_CASES, HALVES, Arguments, Case

FLOAT32, FLOAT64 = DTYPES
FLOAT16, BFLOAT16 = HALVES


@dataclass(frozen=True)
class Storage:
    """The types of a step's arrays, and how what is stored in 16 bits is rounded."""

    param: np.dtype[Any] = FLOAT32
    grad: np.dtype[Any] = FLOAT32
    states: Sequence[np.dtype[Any]] = (FLOAT32,)
    """Those of the states in their order, and from the beginning again."""
    rest: bool = False
    """Whether the parameter has a rest, with which it is a float32 number."""
    copy: np.dtype[Any] | None = None
    keywords: Mapping[str, Any] = field(default_factory=dict)
    mapped: bool = False
    """Whether `state_rounding` is a mapping, by which every second state is rounded to nearest."""

    def random_arrays(self, case: Case, shape: int | tuple[int, ...], seed: int = 0) -> Arguments:
        """Return arrays as they may stand in the middle of a training, with rest and copy."""
        working = FLOAT64 if self.param == FLOAT64 else FLOAT32
        exact = case.random_arrays(shape, working, seed)
        dtypes = {"param": self.param, "grad": self.grad}
        dtypes |= dict(zip(case.states, itertools.cycle(self.states), strict=False))
        arrays = {
            name: array if case.is_reduced(name) else array.astype(dtypes[name])
            for name, array in exact.items()
        }
        if self.rest:
            arrays["param"], arrays["param_rest"] = split_master(exact["param"])
        if self.copy is not None:
            arrays["copies"] = np.zeros(exact["param"].shape, self.copy)
        return arrays

    def of(self, case: Case, **keywords: Any) -> Case:
        """Return a case with the keywords of the storage, and others."""
        keywords = {**self.keywords, **keywords}
        if self.mapped:
            rounding = {
                name: ("nearest", "stochastic")[k % 2] for k, name in enumerate(case.states)
            }
            keywords["state_rounding"] = {**rounding, "max_exp_avg_sq": "nearest"}
            if "max_exp_avg_sq" not in case.states:
                del keywords["state_rounding"]["max_exp_avg_sq"]
        return dataclasses.replace(case, options={**case.options, **keywords})


NEAREST: dict[str, Any] = {"state_rounding": "nearest"}
STOCHASTIC: dict[str, Any] = {"param_rounding": "stochastic"}
SEEDED: dict[str, Any] = {"seed": 2**64 - 3, "first_parameter": 70_000}

STORAGES: dict[str, Storage] = {
    # States
    "bfloat16 states": Storage(states=[BFLOAT16]),
    "float16 states": Storage(states=[FLOAT16]),
    "bfloat16 states, to nearest": Storage(states=[BFLOAT16], keywords=NEAREST),
    "float16 states, to nearest": Storage(states=[FLOAT16], keywords=NEAREST),
    "states of each type": Storage(states=[BFLOAT16, FLOAT32, FLOAT16], grad=FLOAT16),
    "states of each type, rounded in two ways": Storage(
        states=[FLOAT16, BFLOAT16, FLOAT32], mapped=True, keywords=SEEDED
    ),
    "one state in bfloat16": Storage(states=[FLOAT32, BFLOAT16], grad=BFLOAT16, keywords=SEEDED),
    # Parameters
    "all in bfloat16": Storage(BFLOAT16, BFLOAT16, [BFLOAT16], keywords=STOCHASTIC),
    "all in float16": Storage(FLOAT16, FLOAT16, [FLOAT16], keywords=STOCHASTIC),
    "all in bfloat16, to nearest": Storage(BFLOAT16, BFLOAT16, [BFLOAT16], keywords=NEAREST),
    "all in float16, to nearest": Storage(FLOAT16, FLOAT16, [FLOAT16], keywords=NEAREST),
    "a bfloat16 parameter": Storage(BFLOAT16),
    "a float16 parameter": Storage(FLOAT16, BFLOAT16, keywords=STOCHASTIC | SEEDED),
    "a bfloat16 parameter, a float16 gradient": Storage(
        BFLOAT16, FLOAT16, [FLOAT16], keywords=STOCHASTIC, mapped=True
    ),
    # Masters
    "a master": Storage(BFLOAT16, BFLOAT16, rest=True),
    "a master, bfloat16 states": Storage(BFLOAT16, FLOAT32, [BFLOAT16], rest=True),
    "a master, float16 states, a copy": Storage(
        BFLOAT16, FLOAT16, [FLOAT16], rest=True, copy=FLOAT16, keywords=NEAREST
    ),
    "a master, a float32 copy": Storage(BFLOAT16, BFLOAT16, rest=True, copy=FLOAT32),
    "a master, a bfloat16 copy": Storage(BFLOAT16, BFLOAT16, rest=True, copy=BFLOAT16),
    # Copies
    "a bfloat16 copy": Storage(grad=BFLOAT16, copy=BFLOAT16),
    "a float16 copy": Storage(grad=FLOAT16, copy=FLOAT16),
    "a float32 copy": Storage(copy=FLOAT32),
    "a bfloat16 copy of float64": Storage(FLOAT64, FLOAT32, [FLOAT64], copy=BFLOAT16),
    "a float16 copy of float64": Storage(FLOAT64, FLOAT64, [FLOAT64], copy=FLOAT16),
    "a float32 copy of float64": Storage(FLOAT64, BFLOAT16, [FLOAT64], copy=FLOAT32),
    "bfloat16 states, a bfloat16 copy": Storage(states=[BFLOAT16], copy=BFLOAT16),
    "a float16 copy of bfloat16": Storage(BFLOAT16, copy=FLOAT16, keywords=STOCHASTIC),
    "a bfloat16 copy of float16": Storage(FLOAT16, copy=BFLOAT16),
    "a float32 copy of bfloat16": Storage(BFLOAT16, BFLOAT16, [BFLOAT16], copy=FLOAT32),
    "a bfloat16 copy of bfloat16": Storage(BFLOAT16, BFLOAT16, [FLOAT16], copy=BFLOAT16),
}
"""Every type of each array, and every way to round."""

FEW_STORAGES = {
    name: STORAGES[name]
    for name in (
        "bfloat16 states",
        "float16 states",
        "states of each type, rounded in two ways",
        "all in bfloat16",
        "all in float16, to nearest",
        "a master, float16 states, a copy",
        "a float16 copy of float64",
    )
}

(LONGEST,) = (case for case in FEW_CASES if len(case.states) == 3 and case.rule == "rmsprop")
(AMSGRAD,) = (case for case in FEW_CASES if "max_exp_avg_sq" in case.states)
(SHORTEST,) = (case for case in FEW_CASES if case.rule == "sgd" and not case.states)
THREE_CASES = (LONGEST, AMSGRAD, SHORTEST)

CASES_AND_STORAGES = {
    f"{case}, {name}": (case, storage)
    for case in FEW_CASES
    for name, storage in STORAGES.items()
    if case in THREE_CASES or name in FEW_STORAGES
}
"""Each rule in a few storages, a few in each: what stores and reads numbers knows no rule."""
