"""Every allocation of an operation fails in turn: MemoryError, and nothing has changed."""

from __future__ import annotations

import copy
import gc
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import instep
from tests.api.model import copied, make, params_of, random_arrays
from tests.processes import run_scenario
from tests.trust import shim
from tests.trust.made import fingerprint, odd_parameters, step_with, structured

VARIABLES = {"PYTHONMALLOC": "malloc", "OMP_NUM_THREADS": "1"}


class Operation(NamedTuple):
    """What may run out of memory."""

    prepare: Callable[[], Any]
    """Makes the optimizer on which it is called."""
    call: Callable[[Any], Any]


def halving(step: int) -> float:
    return 0.5**step


def stepped(name: str = "Adam", **options: Any) -> Any:
    optimizer = make(name, odd_parameters(), **options)
    step_with(optimizer, 0)
    return optimizer


def named(**options: Any) -> Any:
    return make("Adam", dict(zip("abcdefgh", odd_parameters(), strict=True)), **options)


def step(optimizer: Any) -> None:
    optimizer.step(GRADS)


def step_named(optimizer: Any) -> None:
    optimizer.step(dict(zip("abcdefgh", GRADS, strict=True)))


def step_rows(optimizer: Any) -> None:
    """The second step names rows twice."""
    optimizer.step([ROWS, None, *GRADS[2:]])


def step_scaled(optimizer: Any) -> None:
    optimizer.step(GRADS, grad_scale=2.0)


def step_not_finite(optimizer: Any) -> None:
    try:
        optimizer.step([*GRADS[:-1], NAN])
    except FloatingPointError:
        return


def add_group(optimizer: Any) -> None:
    optimizer.add_param_group({"params": {"x": np.ones((2, 3)), "y": np.ones(4)}, "lr": 0.5})


NAN = np.full(5, np.nan)
GRADS = random_arrays(odd_parameters(), seed=30)
ROWS = instep.RowGradient(np.array([2, 0, 2]), np.ones((3, 4), np.float32))

STATES = stepped().state_dict()
FOLDER = Path(tempfile.gettempdir())


def file(suffix: str) -> str:
    return os.path.join(os.environ["INSTEP_TEST_FOLDER"], f"run{suffix}")


def set_all(optimizer: Any) -> None:
    optimizer.lr = 0.125


OPERATIONS: dict[str, Operation] = {
    "step": Operation(lambda: make("Adam", odd_parameters()), step),
    "second step": Operation(stepped, step),
    "step of a mapping": Operation(named, step_named),
    "step of rows": Operation(lambda: make("Adagrad", odd_parameters()), step_rows),
    "step after rows": Operation(
        lambda: (optimizer := make("SGD", odd_parameters()), step_rows(optimizer))[0], step
    ),
    "step with clipping": Operation(
        lambda: make("RMSprop", odd_parameters(), clip_norm=0.5, clip_value=1.0), step_scaled
    ),
    "skipped step": Operation(
        lambda: make("Adadelta", odd_parameters(), nonfinite="skip"), step_not_finite
    ),
    "refused step": Operation(
        lambda: make("SGD", odd_parameters(), momentum=0.5, nonfinite="raise"), step_not_finite
    ),
    "scheduled step": Operation(lambda: make("AMSGrad", odd_parameters(), lr=halving), step),
    "add_param_group": Operation(named, add_group),
    "state_dict": Operation(stepped, lambda optimizer: optimizer.state_dict()),
    "load_state_dict": Operation(
        lambda: make("Adam", odd_parameters(), lr=0.5),
        lambda optimizer: optimizer.load_state_dict(STATES),
    ),
    "hyperparameter": Operation(stepped, set_all),
    "gradient option": Operation(stepped, lambda optimizer: setattr(optimizer, "clip_norm", 0.5)),
    "deepcopy": Operation(stepped, lambda optimizer: copy.deepcopy(optimizer) and None),
    "save .npz": Operation(stepped, lambda optimizer: optimizer.save(file(".npz"), params=True)),
    "load .npz": Operation(
        lambda: make("Adam", odd_parameters(), lr=0.5),
        lambda optimizer: optimizer.load(file(".npz"), params=True),
    ),
    "load .safetensors": Operation(
        lambda: make("Adam", odd_parameters(), lr=0.5),
        lambda optimizer: optimizer.load(file(".safetensors"), params=True),
    ),
}


def shown(optimizer: Any) -> Any:
    return [
        *fingerprint(optimizer),
        len(optimizer.param_groups),
        optimizer._structure,
        optimizer._gradient_options,
        optimizer.last_grad_norm,
    ]


def outcome(optimizer: Any) -> list[Any]:
    """Return what the optimizer is, and what it is after the next step."""
    before = shown(optimizer)
    grads = random_arrays(params_of(optimizer), seed=31)
    optimizer.step(structured(optimizer, grads))
    return [before, shown(optimizer)]


def same(first: Any, second: Any) -> bool:
    return repr(first) == repr(second)


def walk(index: int) -> None:
    name = list(OPERATIONS)[index]
    prepare, call = OPERATIONS[name]
    allocations = shim.Allocations()
    before = outcome(prepare())
    changed = prepare()
    call(changed)
    after = outcome(changed)

    def sweep() -> int:
        n, fired = 0, True
        while fired:
            n += 1
            optimizer = prepare()
            progress(name, n)
            fired, result = allocations.run(lambda optimizer=optimizer: call(optimizer), n)
            expected = before if result is MemoryError else after
            found = outcome(optimizer)
            assert same(found, expected), f"{name}, allocation {n}: {result}"
        return n - 1

    fill_caches()
    counts, levels = [], []
    for _ in range(int(os.environ.get("SW", "4"))):
        counts.append(sweep())
        getattr(sys, "_clear_internal_caches", getattr(sys, "_clear_type_cache", gc.collect))()
        gc.collect()
        levels.append(allocations.live())
    print(name, counts, levels)
    assert min(counts) > 3


def fill_caches() -> None:
    """Let NumPy keep as many small blocks as it ever does, so that no more of them stay."""
    blocks = [np.empty(size, np.uint8) for size in range(1, 1025) for _ in range(8)]
    shapes = [np.empty((1,) * axes) for axes in range(17) for _ in range(8)]
    del blocks, shapes


def progress(name: str, n: int) -> None:
    os.pwrite(2, b"", 0) if False else None


if __name__ == "__main__":
    import sys

    walk(int(sys.argv[1]))
