"""A forked child steps as its parent does, and no fork makes anyone wait for ever."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import instep
from instep import functional
from tests.cases import DTYPES, FEW_CASES, Array, Case
from tests.compare import assert_same_bits, assert_step_equals_reference
from tests.processes import assert_success, run_python, run_scenario, start_child
from tests.trust import shim

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")

LARGE = 1_000_000
FORKS = 8


def step_large(case: Case = FEW_CASES[0]) -> None:
    """Take a step for which threads are started."""
    assert_step_equals_reference(case, case.random_arrays(LARGE, DTYPES[0]))


def step_every_rule(number: int = 1) -> bool:
    for case in FEW_CASES:
        for size in (5, LARGE // 50):
            assert_step_equals_reference(case, case.random_arrays(size, DTYPES[1], number), number)
    return True


# Each scenario is a process of its own, which is ended with all its children if it hangs.


def child_after_parallel_steps() -> None:
    step_large()
    children = [start_child(step_every_rule) for _ in range(3)]
    step_large()
    assert_success(*children)
    step_large()


def child_of_a_child() -> None:
    step_large()

    def child() -> None:
        step_large()
        assert_success(start_child(step_every_rule))
        step_large()

    assert_success(start_child(child))


def child_before_any_step() -> None:
    assert_success(start_child(step_every_rule))
    step_every_rule()


def child_of_another_thread() -> None:
    step_large()
    children: list[int] = []
    thread = threading.Thread(target=lambda: children.append(start_child(step_every_rule)))
    thread.start()
    thread.join()
    assert_success(*children)


def pool() -> None:
    step_large()
    with multiprocessing.get_context("fork").Pool(3) as workers:
        assert all(workers.map(step_every_rule, range(1, 7)))
    step_large()


def optimizer_goes_on_in_the_child() -> None:
    gradient = np.linspace(-1, 1, LARGE)
    here, alone = np.zeros(LARGE), np.zeros(LARGE)
    optimizer = instep.Adam(here)
    uninterrupted = instep.Adam(alone)
    for _ in range(4):
        uninterrupted.step(gradient)

    def go_on() -> None:
        optimizer.step(gradient)
        optimizer.step(gradient)
        assert_same_bits(here, alone)

    optimizer.step(gradient)
    optimizer.step(gradient)
    child = start_child(go_on)
    go_on()
    assert_success(child)


def fork_while_a_thread_steps(size: int) -> None:
    step_and_fork(size, np.ones(size))


def fork_while_a_thread_steps_rows(size: int) -> None:
    rows = np.tile(np.arange(size), 2)
    step_and_fork(size, instep.RowGradient(rows, np.full(rows.size, 0.5)))


def step_and_fork(size: int, gradient: Array | instep.RowGradient) -> None:
    """Whenever the fork comes, the child finds whole steps only, and all of them counted."""
    param = np.zeros(size)
    optimizer = instep.SGD(param, lr=1.0)
    stepping, stop = threading.Event(), threading.Event()

    def step_on() -> None:
        while not stop.is_set():
            optimizer.step(gradient)
            stepping.set()

    def child() -> None:
        taken = optimizer.state_dict()["steps"]
        assert_same_bits(param, np.full(size, -float(taken)))
        optimizer.step(gradient)
        assert_same_bits(param, np.full(size, -float(taken + 1)))
        assert optimizer.state_dict()["steps"] == taken + 1
        step_every_rule()

    thread = threading.Thread(target=step_on)
    thread.start()
    stepping.wait()
    try:
        for _ in range(FORKS):
            assert_success(start_child(child))
    finally:
        stop.set()
        thread.join()
    taken = optimizer.state_dict()["steps"]
    assert_same_bits(param, np.full(size, -float(taken)))


def fork_while_a_thread_calls_step_functions(size: int) -> None:
    case = FEW_CASES[0]
    stepping, stop = threading.Event(), threading.Event()
    arrays = case.random_arrays(size, DTYPES[0])

    def step_on() -> None:
        while not stop.is_set():
            case.step(functional, arrays)
            stepping.set()

    thread = threading.Thread(target=step_on)
    thread.start()
    stepping.wait()
    try:
        for _ in range(FORKS):
            assert_success(start_child(step_every_rule))
    finally:
        stop.set()
        thread.join()


def threads_in_the_child() -> None:
    """The child may have threads of its own, which step one optimizer."""
    step_large()

    def child() -> None:
        param = np.zeros(LARGE)
        optimizer = instep.SGD(param, lr=1.0)
        gradient = np.ones(LARGE)

        def steps() -> None:
            for _ in range(10):
                optimizer.step(gradient)

        threads = [threading.Thread(target=steps) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert_same_bits(param, np.full(LARGE, -30.0))

    assert_success(start_child(child))


@pytest.mark.parametrize(
    "scenario",
    [
        child_after_parallel_steps,
        child_of_a_child,
        child_before_any_step,
        child_of_another_thread,
        pool,
        optimizer_goes_on_in_the_child,
        threads_in_the_child,
    ],
)
@pytest.mark.parametrize("threads", ["2", "5"])
def test_child(scenario: Callable[[], None], threads: str) -> None:
    run_scenario(scenario, environment={"OMP_NUM_THREADS": threads})


@pytest.mark.parametrize(
    "scenario",
    [
        fork_while_a_thread_steps,
        fork_while_a_thread_steps_rows,
        fork_while_a_thread_calls_step_functions,
    ],
)
@pytest.mark.parametrize("size", [10, 10_000, 3_000_000])
def test_fork_in_the_middle_of_steps(scenario: Callable[[int], None], size: int) -> None:
    run_scenario(scenario, size, environment={"OMP_NUM_THREADS": "2"})


def test_an_import_fails_where_forks_cannot_be_guarded(tmp_path: Path) -> None:
    refusing = {"LD_PRELOAD": str(shim.build(tmp_path)), "FAULTS_REFUSE_ATFORK": "1"}
    done = run_python("-c", "import instep", environment=refusing)
    *_, message = done.stderr.splitlines()
    assert message == "ImportError: pthread_atfork: Cannot allocate memory"
