"""Optimizers to be saved, and what must stay of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import instep
from tests.api import narrow
from tests.api.model import assert_same, copied, make, params_of, random_arrays
from tests.cases import Array

FORMATS = (".npz", ".safetensors")


def odd_parameters() -> list[Array]:
    """Return parameters of both dtypes and every layout, with values of their own."""
    layouts: list[Array] = [
        np.empty((3, 4), np.float32),
        np.empty((3, 4), order="F"),
        np.empty((6, 8), np.float32)[::2, ::3],
        np.empty(7)[::-1],
        np.empty((2, 3, 4), np.float32).transpose(2, 0, 1)[:, ::-1],
        np.empty(()),
        np.empty((0, 3), np.float32),
        np.frombuffer(bytearray(41), np.float64, 5, offset=1),
    ]
    for array, values in zip(layouts, random_arrays(layouts, seed=3), strict=True):
        array[...] = values
    return layouts


def step_with(optimizer: Any, seed: int) -> None:
    """Take a step with random gradients, in the structure that the optimizer asks for."""
    optimizer.step(structured(optimizer, random_arrays(params_of(optimizer), seed)))


def with_two_points() -> Any:
    """Return an optimizer in train mode whose points are apart."""
    optimizer = make("ScheduleFreeAdamW", odd_parameters(), lr=0.5)
    for seed in range(2):
        step_with(optimizer, seed)
    return optimizer


def structured(optimizer: Any, arrays: list[Array]) -> Any:
    names = [name for group in optimizer.param_groups for name in group.names or ()]
    return dict(zip(names, arrays, strict=True)) if optimizer._structure == "mapping" else arrays


def doubled(optimizer: Any) -> Any:
    """Return other arrays with twice the parameters' values, in the optimizer's structure."""
    return structured(
        optimizer, [np.array(2.0 * param, param.dtype) for param in params_of(optimizer)]
    )


def everything(optimizer: Any) -> list[Any]:
    """Return copies of all that loading may change, parameters included."""
    groups = [dict(group) | {"params": None} for group in optimizer.param_groups]
    return [
        optimizer.state_dict(),
        copied(params_of(optimizer)),
        groups,
        optimizer.skipped_steps,
        optimizer.last_grad_norm,
    ]


def fingerprint(optimizer: Any) -> tuple[Any, ...]:
    """Return what tells whether anything has changed; quick to compare."""
    return (
        [[state is not None and state.tobytes() for state in states]
         for states in optimizer._states()],
        [param.tobytes() for param in params_of(optimizer)],
        [copy is not None and copy.tobytes() for copy in optimizer.copies],
        [dict(group) | {"params": None} for group in optimizer.param_groups],
        optimizer._options(),
        optimizer._steps(),
        optimizer._param_steps(),
        optimizer.skipped_steps,
        optimizer.seed,
    )  # fmt: skip


def assert_goes_on_like(optimizer: Any, other: Any, seeds: range = range(40, 42)) -> None:
    """Assert that both take the same steps, bit for bit."""
    for seed in seeds:
        step_with(optimizer, seed)
        step_with(other, seed)
        assert_same(params_of(optimizer), params_of(other), f"parameters after step {seed}")
        assert_same(optimizer.state_dict(), other.state_dict(), f"states after step {seed}")


def saved_adam(path: Path) -> instep.Adam:
    """Return a small optimizer that has just been saved with its parameters."""
    params = {"w": np.ones((2, 3), np.float32), "b": np.zeros(2)}
    optimizer: instep.Adam = make("Adam", params, lr=0.5, nonfinite="skip")
    step_with(optimizer, 0)
    optimizer.step({"w": None, "b": np.full(2, np.nan)})
    step_with(optimizer, 1)
    optimizer.save(path, params=True)
    return optimizer


def narrow_adam(seed: int) -> Any:
    """Return one whose arrays lie in 16 bits, with a master and copies, after a step."""
    optimizer = narrow.with_master_and_copies("Adam", narrow.odd_parameters(), seed=seed)
    step_with(optimizer, seed)
    return optimizer


def saved_narrow(path: Path) -> Any:
    """Return an optimizer that stores in 16 bits and has just been saved with its parameters."""
    optimizer = narrow_adam(seed=0)
    optimizer.save(path, params=True)
    return optimizer


def other_narrow() -> Any:
    """Return an optimizer into which that file fits, with another state of its own."""
    return narrow_adam(seed=9)


def other_adam() -> instep.Adam:
    """Return an optimizer into which that file fits, with another state of its own."""
    params = {"w": np.full((2, 3), 7.0, np.float32), "b": np.full(2, -7.0)}
    optimizer: instep.Adam = make("Adam", params, lr=0.25, nonfinite="skip")
    step_with(optimizer, 9)
    return optimizer
