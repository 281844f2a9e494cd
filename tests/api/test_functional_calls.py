"""Calls of step functions with wrong or missing names raise what Python itself would raise."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from instep import functional, reference

STATES = {
    "sgd_step": 0,
    "adam_step": 2,
    "rmsprop_step": 1,
    "adagrad_step": 1,
    "adadelta_step": 2,
}
NUMBERS: dict[str, Any] = {"lr": 0.5, "step": 1}

CALLS: dict[str, tuple[dict[str, Any], set[str], str]] = {
    "a required one missing": ({}, {"grad"}, "grad"),
    "an option under another name": ({"learning_rate": 0.5}, {"lr"}, "learning_rate"),
    "one that there is not": ({"rate": 0.5}, set(), "rate"),
    "an array under another name": ({"gradient": np.ones(3)}, {"grad"}, "grad"),
}


@pytest.mark.parametrize(("extra", "missing", "match"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("module", [functional, reference], ids=lambda module: module.__name__)
@pytest.mark.parametrize("name", STATES)
def test_names(
    name: str, module: Any, extra: dict[str, Any], missing: set[str], match: str
) -> None:
    function = getattr(module, name)
    param, *states = (np.ones(3) for _ in range(1 + STATES[name]))
    numbers = dict(NUMBERS)
    if name in ("rmsprop_step", "adadelta_step"):
        del numbers["step"]
    given = {"grad": np.ones(3), **numbers, **extra}
    given = {key: value for key, value in given.items() if key not in missing}
    names = list(inspect.signature(function).parameters)[2 : 2 + len(states)]
    with pytest.raises(TypeError, match=match):
        function(param, **dict(zip(names, states, strict=True)), **given)
    for array in (param, *states):
        assert array.tolist() == [1.0] * 3
