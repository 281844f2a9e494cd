"""State dictionaries of torch.optim, turned into arrays, load."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import (
    DEFAULTS,
    Model,
    Options,
    make,
    random_arrays,
)
from tests.cases import Array


def array_of(*values: float) -> Array:
    return np.array(values, np.float32)


# What torch.optim's state_dict() gives, with every tensor turned into an array by numpy().
TORCH: dict[str, tuple[Options, dict[str, Any], Options]] = {
    "SGD": (
        {"momentum": 0.9},
        {"momentum_buffer": array_of(0.5, -0.25)},
        {
            "lr": 0.25,
            "momentum": 0.9,
            "dampening": 0,
            "weight_decay": 0,
            "nesterov": False,
            "maximize": False,
            "foreach": None,
            "differentiable": False,
            "fused": None,
        },
    ),
    "Adam": (
        {"amsgrad": True},
        {
            "step": np.array(3.0, np.float32),
            "exp_avg": array_of(0.05, -0.025),
            "exp_avg_sq": array_of(2.5e-4, 6.25e-5),
            "max_exp_avg_sq": array_of(5e-4, 6.25e-5),
        },
        {
            "lr": 0.25,
            "betas": (0.9, 0.999),
            "eps": 1e-08,
            "weight_decay": 0,
            "amsgrad": True,
            "maximize": False,
            "foreach": None,
            "capturable": False,
            "differentiable": False,
            "fused": None,
            "decoupled_weight_decay": False,
            "initial_lr": 0.5,
        },
    ),
    "AdamW": (
        {},
        {
            "step": np.array(3.0, np.float32),
            "exp_avg": array_of(0.05, -0.025),
            "exp_avg_sq": array_of(2.5e-4, 6.25e-5),
        },
        {
            "lr": 0.25,
            "betas": [0.9, 0.999],
            "eps": 1e-08,
            "weight_decay": 0.01,
            "amsgrad": False,
            "maximize": False,
            "foreach": None,
            "capturable": False,
            "differentiable": False,
            "fused": None,
            "decoupled_weight_decay": True,
        },
    ),
    "RMSprop": (
        {"centered": True, "momentum": 0.5},
        {
            "step": np.array(3.0, np.float32),
            "square_avg": array_of(0.0025, 0.0006),
            "momentum_buffer": array_of(10.0504, -10.0504),
            "grad_avg": array_of(0.005, -0.0025),
        },
        {
            "lr": np.array(0.25, np.float32),
            "momentum": 0.5,
            "alpha": 0.99,
            "eps": 1e-08,
            "centered": True,
            "weight_decay": 0,
            "capturable": False,
            "foreach": None,
            "maximize": False,
            "differentiable": False,
        },
    ),
    "Adagrad": (
        {},
        {"step": np.array(3.0, np.float32), "sum": array_of(0.25, 0.0625)},
        {
            "lr": 0.25,
            "lr_decay": 0.5,
            "eps": 1e-10,
            "weight_decay": 0,
            "initial_accumulator_value": 0,
            "foreach": None,
            "maximize": False,
            "differentiable": False,
            "fused": None,
        },
    ),
    "Adadelta": (
        {},
        {
            "step": np.array(3.0, np.float32),
            "square_avg": array_of(0.025, 0.00625),
            "acc_delta": array_of(1e-6, 2e-6),
        },
        {
            "lr": 0.25,
            "rho": 0.9,
            "eps": 1e-06,
            "weight_decay": 0,
            "maximize": False,
            "capturable": False,
            "foreach": None,
            "differentiable": False,
        },
    ),
}


@pytest.mark.parametrize("name", TORCH)
def test_a_dictionary_of_torch_loads(name: str) -> None:
    options, state, group = TORCH[name]
    params = [array_of(1.0, 2.0)]
    model = Model(name, params, **options)
    model.groups[0] |= {key: group[key] for key in DEFAULTS[name] if key in group} | {"lr": 0.25}
    model.states[0] = {key: value.copy() for key, value in state.items() if key != "step"}
    optimizer = make(name, params, **options)
    optimizer.load_state_dict({"state": {0: state}, "param_groups": [group | {"params": [0]}]})
    counted = optimizer.state_dict()["state"][0]["step"]
    assert counted == 3 if "step" in state else counted >= 1
    model.counts[0], model.steps = counted, optimizer.state_dict()["steps"]
    grads = random_arrays(params, 4)
    optimizer.step(grads)
    model.step(grads)
    model.assert_equals(optimizer)


def test_a_dictionary_of_torch_without_states_loads() -> None:
    _, _, group = TORCH["SGD"]
    param = np.zeros(2)
    optimizer = instep.SGD(param)
    optimizer.load_state_dict(
        {"state": {}, "param_groups": [group | {"momentum": 0, "params": [0]}]}
    )
    optimizer.step(np.ones(2))
    assert param.tolist() == [-0.25, -0.25]
