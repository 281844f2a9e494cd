"""Every allocation of an operation fails in turn: MemoryError, and nothing has changed.

Python's own allocations among them, and NumPy's. What these do then beside raising MemoryError is
told apart here: files and locks raise RuntimeError ("can't allocate lock"); CPython 3.11 keeps a
reference to an argument that a comprehension uses, when the call has no memory for it.
"""

from __future__ import annotations

import copy
import gc
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import instep
from instep.two_points import TwoPointOptimizer
from tests.api import narrow
from tests.api.model import make, params_of, random_arrays
from tests.cases import Array
from tests.processes import run_scenario
from tests.trust import shim
from tests.trust.made import (
    doubled,
    fingerprint,
    narrow_adam,
    odd_parameters,
    other_adam,
    other_narrow,
    saved_adam,
    saved_narrow,
    step_with,
    structured,
    with_two_points,
)

VARIABLES = {"PYTHONMALLOC": "malloc", "OMP_NUM_THREADS": "1"}
FOLDER = "INSTEP_TEST_FOLDER"


def halving(step: int) -> float:
    return 0.5**step


def rising(step: int) -> tuple[float, float]:
    return 0.5, 1 - 0.5**step


def stepped(name: str = "Adam", **options: Any) -> Any:
    optimizer = make(name, odd_parameters(), **options)
    step_with(optimizer, 0)
    return optimizer


def named() -> Any:
    return make("Adam", dict(zip("abcdefgh", odd_parameters(), strict=True)))


class Unmade:
    """Makes its optimizer when it is asked for it."""

    def __init__(self, construct: Callable[[], Any]) -> None:
        self.construct = construct
        self.made: Any = None

    def make(self) -> Any:
        if self.made is None:
            self.made = self.construct()
        return self.made


def two_groups() -> Unmade:
    first, *params = odd_parameters()
    groups = [{"params": {"first": first}, "lr": 0.5}, {"params": params}]
    return Unmade(lambda: make("RMSprop", groups, centered=True, momentum=0.5, clip_norm=1.0))


def of_16_bits() -> Unmade:
    params, copies = narrow.odd_parameters(), [np.zeros((3, 4), np.float16), *[None] * 5]
    options = {"state_dtype": {"exp_avg_sq": "bfloat16"}, "master_weight_bits": 32}
    return Unmade(lambda: make("Adam", params, copies=copies, **options))


class Moving:
    """Has the arrays ready that are to take the place of the optimizer's."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.others = doubled(optimizer)

    def move(self) -> None:
        self.optimizer.rebind(self.others)

    def make(self) -> Any:
        return self.optimizer


GRADS = random_arrays(odd_parameters(), seed=30)
NAMED_GRADS = dict(zip("abcdefgh", GRADS, strict=True))
NOT_FINITE = [*GRADS[:-1], np.full(5, np.nan)]
ROW_GRADS = [
    instep.RowGradient(np.array([2, 0, 2]), np.ones((3, 4), np.float32)),
    None,
    instep.RowGradient(np.array([1]), np.ones((1, 3), np.float32)),
    *GRADS[3:],
]
STATES = stepped().state_dict()
NARROW_GRADS = random_arrays(narrow.odd_parameters(), seed=30)
NARROW_ROWS = [instep.RowGradient(np.array([2, 0, 2]), np.ones((3, 4), np.float16)), *[None] * 5]
NARROW_STATES = narrow_adam(seed=5).state_dict()


@cache
def next_grads(*kinds: tuple[tuple[int, ...], np.dtype[Any]]) -> list[Array]:
    """Return the gradients of the step that follows: the same arrays each time."""
    return random_arrays([np.empty(shape, dtype) for shape, dtype in kinds], seed=31)


def take_next_step(optimizer: Any) -> None:
    grads = next_grads(*((param.shape, param.dtype) for param in params_of(optimizer)))
    optimizer.step(structured(optimizer, grads))


def between() -> Any:
    """Return an optimizer that goes back to the gradients of its last step after the operation."""
    optimizer = make("Adam", odd_parameters())
    take_next_step(optimizer)
    return optimizer


def after_rows() -> Any:
    optimizer = make("SGD", odd_parameters())
    optimizer.step(ROW_GRADS)
    return optimizer


def step_refused(optimizer: Any) -> None:
    try:
        optimizer.step(NOT_FINITE)
    except FloatingPointError:
        return


def file(suffix: str) -> str:
    return str(Path(os.environ[FOLDER], f"run{suffix}"))


def update(optimizer: Any) -> None:
    optimizer.param_groups[0].update(lr=0.125, weight_decay=0.5)


def add_group(optimizer: Any) -> None:
    optimizer.add_param_group({"params": {"x": np.ones((2, 3)), "y": np.ones(4)}, "lr": 0.5})


def step_function(optimizer: Any, **conditions: Any) -> None:
    moments = zip(*optimizer._states(), strict=True)
    exp_avg, exp_avg_sq, *_ = map(list, moments)
    instep.functional.adam_step(
        params_of(optimizer), GRADS, exp_avg, exp_avg_sq, step=1, lr=0.125, **conditions
    )


def step_function_of_16_bits(optimizer: Any) -> None:
    exp_avg, exp_avg_sq, _, rests = map(list, zip(*optimizer._states(), strict=True))
    instep.functional.adam_step(
        params_of(optimizer),
        NARROW_GRADS,
        exp_avg,
        exp_avg_sq,
        step=2,
        param_rest=rests,
        copies=list(optimizer.copies),
        seed=5,
    )


class Operation(NamedTuple):
    """What may run out of memory."""

    prepare: Callable[[], Any]
    """Makes the optimizer on which it is called."""
    call: Callable[[Any], Any]
    python: bool = True
    """Much of it is Python code, which may leak by itself."""


OPERATIONS: dict[str, Operation] = {
    "construct": Operation(two_groups, lambda unmade: unmade.make()),
    "construct with masters and copies": Operation(of_16_bits, lambda unmade: unmade.make()),
    "step": Operation(
        lambda: make("Adam", odd_parameters()), lambda it: it.step(GRADS), python=False
    ),
    "second step": Operation(between, lambda it: it.step(GRADS), python=False),
    "step of a mapping": Operation(named, lambda it: it.step(NAMED_GRADS), python=False),
    "step of rows": Operation(
        lambda: make("Adagrad", odd_parameters()), lambda it: it.step(ROW_GRADS), python=False
    ),
    "step after rows": Operation(after_rows, lambda it: it.step(GRADS), python=False),
    "rows after a step": Operation(
        lambda: stepped("RMSprop"), lambda it: it.step(ROW_GRADS), python=False
    ),
    "step with clipping": Operation(
        lambda: make("RMSprop", odd_parameters(), clip_norm=0.5, clip_value=1.0),
        lambda it: it.step(GRADS, grad_scale=2.0),
        python=False,
    ),
    "skipped step": Operation(
        lambda: make("Adadelta", odd_parameters(), nonfinite="skip"),
        lambda it: it.step(NOT_FINITE),
        python=False,
    ),
    "refused step": Operation(
        lambda: make("SGD", odd_parameters(), momentum=0.5, nonfinite="raise"),
        step_refused,
        python=False,
    ),
    "step of 16 bits": Operation(other_narrow, lambda it: it.step(NARROW_GRADS), python=False),
    "step of rows of 16 bits": Operation(
        other_narrow, lambda it: it.step(NARROW_ROWS), python=False
    ),
    "scheduled step": Operation(
        lambda: make("AMSGrad", odd_parameters(), lr=halving, betas=rising),
        lambda it: it.step(GRADS),
    ),
    "step function": Operation(stepped, step_function),
    "step function with clipping": Operation(
        stepped, lambda it: step_function(it, clip_norm=0.5, grad_scale=2.0)
    ),
    "step function of 16 bits": Operation(other_narrow, step_function_of_16_bits),
    "add_param_group": Operation(named, add_group),
    "rebind": Operation(lambda: Moving(stepped("RMSprop", momentum=0.5)), Moving.move),
    "rebind with copies": Operation(lambda: Moving(other_narrow()), Moving.move),
    "rebind by name": Operation(lambda: Moving(named()), Moving.move),
    "reset": Operation(
        lambda: stepped("RMSprop", initial_accumulator_value=0.5, clip_norm=1.0),
        lambda it: it.reset(),
    ),
    "eval": Operation(with_two_points, lambda it: it.eval()),
    "reset with masters": Operation(other_narrow, lambda it: it.reset()),
    "state_dict of 16 bits": Operation(other_narrow, lambda it: it.state_dict()),
    "state_dict": Operation(stepped, lambda it: it.state_dict()),
    "load_state_dict": Operation(
        lambda: make("Adam", odd_parameters(), lr=0.5), lambda it: it.load_state_dict(STATES)
    ),
    "load_state_dict of 16 bits": Operation(
        other_narrow, lambda it: it.load_state_dict(NARROW_STATES)
    ),
    "lr": Operation(stepped, lambda it: setattr(it, "lr", 0.125)),
    "update": Operation(stepped, update),
    "clip_norm": Operation(stepped, lambda it: setattr(it, "clip_norm", 0.5), python=False),
    "deepcopy": Operation(stepped, copy.deepcopy),
    # Not of bfloat16, which is NumPy's to copy here: it then ends the process.
    "deepcopy of 16 bits": Operation(
        lambda: make(
            "Adam",
            [np.ones(3, np.float16)],
            state_dtype=np.float16,
            copies=[np.zeros(3, np.float32)],
        ),
        copy.deepcopy,
    ),
    "save": Operation(other_adam, lambda it: it.save(file(".npz"), params=True)),
    "load": Operation(other_adam, lambda it: it.load(file(".npz"), params=True)),
    "save of safetensors": Operation(
        other_adam, lambda it: it.save(file(".safetensors"), params=True)
    ),
    "save of 16 bits": Operation(other_narrow, lambda it: it.save(file(".npz"), params=True)),
    "load of safetensors": Operation(
        other_adam, lambda it: it.load(file(".safetensors"), params=True)
    ),
    "load of 16 bits": Operation(other_narrow, lambda it: it.load(file(".npz"), params=True)),
    "load of safetensors of 16 bits": Operation(
        other_narrow, lambda it: it.load(file(".safetensors"), params=True)
    ),
}
LOADED: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "load": (".npz", saved_adam),
    "load of safetensors": (".safetensors", saved_adam),
    "load of 16 bits": (".npz", saved_narrow),
    "load of safetensors of 16 bits": (".safetensors", saved_narrow),
}
"""What is in the files that are loaded."""


def outcome(prepared: Any) -> str:
    """Return what an optimizer is, and what it is after the next step."""
    optimizer = prepared.make() if isinstance(prepared, Unmade | Moving) else prepared
    found = []
    for steps in range(2):
        if steps > 0:
            if isinstance(optimizer, TwoPointOptimizer):
                optimizer.train()
            take_next_step(optimizer)
        more = (optimizer._structure, optimizer._gradient_options, optimizer.last_grad_norm)
        found.append([fingerprint(optimizer), more])
    return repr(found)


def each_allocation_fails(index: int) -> None:
    name = list(OPERATIONS)[index]
    prepare, call, python = OPERATIONS[name]
    if name in LOADED:
        suffix, save = LOADED[name]
        save(Path(file(suffix)))
    allocations = shim.Allocations()
    before, changed = outcome(prepare()), prepare()
    call(changed)
    after = outcome(changed)

    def fails(n: int) -> bool:
        prepared = prepare()
        fired, result = allocations.run(lambda: call(prepared), n)
        expected = before if result is MemoryError else after
        assert outcome(prepared) == expected, f"allocation {n}: {result}"
        return fired

    fill_caches()
    levels = []
    for _ in range(1 if python else 4):
        n = 1
        while fails(n):
            n += 1
        assert n > 5
        levels.append(live(allocations))
    print(name, n - 1, levels)
    if not python:
        # One number more in the list.
        assert levels[3] - levels[2] <= 1, "memory was lost"


def fill_caches() -> None:
    """Let NumPy keep as many small blocks as it ever does, so that no more of them stay."""
    blocks = [np.empty(size, np.uint8) for size in range(1, 1025) for _ in range(8)]
    shapes = [np.empty((1,) * axes) for axes in range(17) for _ in range(8)]
    del blocks, shapes


def live(allocations: shim.Allocations) -> int:
    """Return how many blocks of memory there are, without those that Python keeps for later."""
    getattr(sys, "_clear_internal_caches", getattr(sys, "_clear_type_cache", gc.collect))()
    gc.collect()
    count: int = allocations.live()
    return count


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    library = shim.build(tmp_path_factory.mktemp("faults"))
    return {**VARIABLES, "LD_PRELOAD": str(library)}


@pytest.mark.parametrize("name", OPERATIONS)
def test_allocation_faults(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    run_scenario(
        each_allocation_fails,
        list(OPERATIONS).index(name),
        environment={**environment, FOLDER: str(tmp_path)},
    )
