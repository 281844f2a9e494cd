"""State dictionaries that do not fit are refused, and change nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.api.model import refused
from tests.api.test_state_dict import named_optimizer


def edited(edit: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what edits a dictionary in place, as a function from dictionary to dictionary."""

    def change(dictionary: Any) -> Any:
        edit(dictionary)
        return dictionary

    return change


def state_of(index: int, **values: Any) -> Callable[[Any], Any]:
    return edited(lambda dictionary: dictionary["state"][index].update(values))


def group_of(**values: Any) -> Callable[[Any], Any]:
    return edited(lambda dictionary: dictionary["param_groups"][1].update(values))


# What is done to the dictionary of `named_optimizer`, the exception, its message.
Refusal = tuple[Callable[[Any], Any], type[Exception] | tuple[type[Exception], ...], str]
REFUSALS: dict[str, Refusal] = {
    "None": (lambda _: None, TypeError, "None"),
    "a list": (lambda _: [1, 2], TypeError, "list"),
    "an array": (lambda _: np.zeros(3), TypeError, "ndarray"),
    "an empty dictionary": (lambda _: {}, (KeyError, ValueError), "state|param_groups"),
    "no state": (edited(lambda d: d.pop("state")), (KeyError, ValueError), "state"),
    "no groups": (edited(lambda d: d.pop("param_groups")), (KeyError, ValueError), "param_groups"),
    "state is a list": (
        edited(lambda d: d.update(state=list(d["state"].values()))),
        TypeError,
        "state.*list",
    ),
    "groups are a mapping": (
        edited(lambda d: d.update(param_groups=dict(enumerate(d["param_groups"])))),
        TypeError,
        "param_groups.*dict",
    ),
    "a group is a list": (
        edited(lambda d: d.update(param_groups=[[], []])),
        TypeError,
        "group.*list",
    ),
    "a state is an array": (
        edited(lambda d: d["state"].update({0: np.zeros(3)})),
        TypeError,
        "ndarray",
    ),
    "too few groups": (edited(lambda d: d["param_groups"].pop()), ValueError, "group"),
    "too many groups": (
        edited(lambda d: d["param_groups"].append(dict(d["param_groups"][0]))),
        ValueError,
        "group",
    ),
    "another number of parameters": (group_of(params=[2, 3]), ValueError, "param"),
    "a group without parameters": (
        edited(lambda d: d["param_groups"][1].pop("params")),
        (KeyError, ValueError),
        "params",
    ),
    "a parameter twice": (
        edited(lambda d: (d["param_groups"][1].update(params=[0]), d["state"].pop(2))),
        ValueError,
        "each position once",
    ),
    "names whose order does not fit": (
        edited(lambda d: d["param_groups"][0].update(param_names=["b", "w"])),
        (TypeError, ValueError),
        r"parameter 'w'\)",
    ),
    "a name twice": (
        edited(lambda d: d["param_groups"][0].update(param_names=["w", "w"])),
        ValueError,
        r"\['w', 'b'\].*\['w', 'w'\]",
    ),
    "other names": (group_of(param_names=["Scale"]), ValueError, "Scale"),
    "too many names": (group_of(param_names=["scale", "w"]), ValueError, "scale"),
    "a state for a parameter too many": (
        edited(lambda d: d["state"].update({3: d["state"][2]})),
        (KeyError, ValueError),
        "3",
    ),
    "a missing state": (
        edited(lambda d: d["state"][1].pop("exp_avg")),
        (KeyError, ValueError),
        "exp_avg",
    ),
    "a missing step": (edited(lambda d: d["state"][1].pop("step")), (KeyError, ValueError), "step"),
    "an extra state": (state_of(1, max_exp_avg_sq=np.zeros(4)), (KeyError, ValueError), "max_exp"),
    "another class's states": (
        edited(lambda d: d["state"].update({0: {"step": 3, "square_avg": np.zeros((2, 3))}})),
        (KeyError, ValueError),
        "square_avg",
    ),
    "another shape": (state_of(0, exp_avg=np.zeros((3, 2))), ValueError, r"\(2, 3\).*\(3, 2\)"),
    "a shape that broadcasts": (state_of(0, exp_avg=np.zeros(3)), ValueError, r"\(2, 3\).*\(3,\)"),
    "a scalar state": (state_of(0, exp_avg=0.0), (TypeError, ValueError), "exp_avg"),
    "a list as state": (state_of(1, exp_avg=[0.0] * 4), TypeError, "exp_avg"),
    "another dtype": (state_of(1, exp_avg=np.zeros(4)), TypeError, "float32.*float64"),
    "integers": (state_of(0, exp_avg=np.zeros((2, 3), int)), TypeError, "float64.*int64"),
    "complex": (state_of(0, exp_avg=np.zeros((2, 3), complex)), TypeError, "float64.*complex"),
    "a masked state": (state_of(0, exp_avg=np.ma.zeros((2, 3))), TypeError, "Masked"),
    "a negative step": (state_of(1, step=-1), ValueError, "step.*-1"),
    "half a step": (state_of(1, step=1.5), (TypeError, ValueError), "step"),
    "step NaN": (state_of(1, step=np.array(np.nan)), (TypeError, ValueError), "step"),
    "step infinite": (state_of(1, step=np.array(np.inf)), (TypeError, ValueError), "step"),
    "step as text": (state_of(1, step="3"), TypeError, "step"),
    "step an array": (state_of(1, step=np.ones(2)), (TypeError, ValueError), "step"),
    "negative steps": (edited(lambda d: d.update(steps=-1)), ValueError, "steps"),
    "steps as text": (edited(lambda d: d.update(steps="3")), TypeError, "steps"),
    "a hyperparameter out of range": (group_of(lr=-1.0), ValueError, "lr.*-1"),
    "a hyperparameter NaN": (group_of(eps=math.nan), ValueError, "eps.*nan"),
    "a hyperparameter of wrong type": (group_of(lr="fast"), TypeError, "lr"),
    "a hyperparameter that is a schedule": (group_of(lr=lambda _: 0.5), TypeError, "lr"),
    "betas of wrong length": (group_of(betas=(0.9,)), (TypeError, ValueError), "betas"),
    "another fixed option": (group_of(amsgrad=True), ValueError, "amsgrad"),
    "a missing hyperparameter": (
        edited(lambda d: d["param_groups"][1].pop("betas")),
        (KeyError, ValueError),
        "betas",
    ),
}


@pytest.mark.parametrize(("change", "error", "match"), REFUSALS.values(), ids=list(REFUSALS))
def test_dictionaries_that_are_refused(
    change: Callable[[Any], Any], error: type[Exception], match: str
) -> None:
    optimizer = named_optimizer()
    dictionary = optimizer.state_dict()
    dictionary["param_groups"][0]["lr"] = 0.5
    dictionary["state"][0]["exp_avg"][...] = 0.5
    dictionary["steps"] = 77
    with refused(error, match, optimizer):
        optimizer.load_state_dict(change(dictionary))
