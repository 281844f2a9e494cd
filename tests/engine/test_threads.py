"""Threads: those that a step makes, those that call it, and their floating-point mode."""

import ctypes
import itertools
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

import instep
from instep import _core, functional, reference
from tests.cases import DTYPES, FEW_CASES, Array, Case
from tests.compare import assert_same_bits, assert_step_equals_reference
from tests.processes import run_scenario

every_case = pytest.mark.parametrize("case", FEW_CASES, ids=str)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
every_number = pytest.mark.parametrize("threads", [1, 2, 3, 5, 8])

needs_openmp = pytest.mark.skipif(
    not instep.show_config("dicts")["openmp"], reason="built without OpenMP"
)


@contextmanager
def openmp_threads(number: int) -> Iterator[None]:
    with threadpool_limits(number, user_api="openmp"):
        yield


@pytest.fixture(autouse=True)
def no_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


# The result does not depend on the number of threads


@every_dtype
@every_number
@every_case
@pytest.mark.usefixtures("finest_grain")
def test_same_bits_for_many_small_arrays(case: Case, threads: int, dtype: np.dtype[Any]) -> None:
    sizes = (1, 3, 0, 17, 64, 1, 1, 129, 1000, 5, 31, 0, 2, 4099)
    each = [case.random_arrays(size, dtype, seed) for seed, size in enumerate(sizes)]
    arrays = {name: [array[name] for array in each] for name in each[0]}
    with openmp_threads(threads):
        for number in (1, 2, 3):
            assert_step_equals_reference(case, arrays, number)


@every_dtype
@every_number
@every_case
@pytest.mark.usefixtures("finest_grain")
def test_same_bits_for_every_small_size(case: Case, threads: int, dtype: np.dtype[Any]) -> None:
    with openmp_threads(threads):
        for size in (*range(1, 40), 63, 64, 65, 127, 255, 257):
            assert_step_equals_reference(case, case.random_arrays(size, dtype, size))


@every_number
@every_case
@pytest.mark.usefixtures("finest_grain")
def test_same_bits_for_strided_arrays(case: Case, threads: int) -> None:
    each = []
    steps = slice(None, None, -3), slice(None, None, 2)
    for rows in (1, 7, 40):
        strided = {
            name: array.T[steps[: array.ndim]]
            for name, array in case.random_arrays((rows, 300), DTYPES[0], rows).items()
            if not case.is_reduced(name)
        }
        each.append({**case.random_arrays(strided["param"].shape, DTYPES[0]), **strided})
    arrays = {name: [array[name] for array in each] for name in each[0]}
    with openmp_threads(threads):
        assert_step_equals_reference(case, arrays)


@every_number
@every_case
def test_same_bits_for_large_arrays(case: Case, threads: int) -> None:
    arrays = case.random_arrays(300_007, DTYPES[0])
    with openmp_threads(threads):
        assert_step_equals_reference(case, arrays)


# How many threads there are


@pytest.mark.parametrize("number", [1, 2, 5, 10**6, np.int64(3)])
def test_the_cap_limits(number: int) -> None:
    without = instep.get_num_threads()
    instep.set_num_threads(number)
    assert instep.get_num_threads() == min(number, without)
    instep.set_num_threads(None)
    assert instep.get_num_threads() == without


@pytest.mark.parametrize("number", [0, -1, -(10**30)])
def test_a_cap_below_one_is_a_value_error(number: int) -> None:
    instep.set_num_threads(1)
    with pytest.raises(ValueError, match=str(number)):
        instep.set_num_threads(number)
    assert instep.get_num_threads() == 1


@pytest.mark.parametrize("number", ["2", 1.0, np.float64(2), [1], True])
def test_a_cap_that_is_no_integer_is_a_type_error(number: Any) -> None:
    instep.set_num_threads(1)
    with pytest.raises(TypeError, match="integer"):
        instep.set_num_threads(number)
    assert instep.get_num_threads() == 1


@needs_openmp
def test_the_least_of_cap_and_openmp_limit_counts() -> None:
    for limit in (1, 2, 3):
        with openmp_threads(limit):
            assert instep.get_num_threads() == limit
            for cap in (1, 2, 5):
                instep.set_num_threads(cap)
                assert instep.get_num_threads() == min(limit, cap)
            instep.set_num_threads(None)


def live_threads() -> set[str]:
    return {task.name for task in Path("/proc/self/task").iterdir()}


def started_since(before: set[str]) -> int:
    """Count new threads; one of those before, that was joined, may be about to end."""
    return len(live_threads() - before)


def step_on_five_threads_then_on_one() -> None:
    _core.set_grain(1)
    array, gradient = np.zeros(100_000), np.ones(100_000)
    together(lambda: None)  # with the first thread a sanitizer starts one of its own
    before = live_threads()
    with openmp_threads(1):
        functional.sgd_step(array, gradient, step=1, lr=1.0)
    assert started_since(before) == 0
    instep.set_num_threads(1)
    functional.sgd_step(array, gradient, step=1, lr=1.0)
    assert started_since(before) == 0
    instep.set_num_threads(None)
    functional.sgd_step(array, gradient, step=1, lr=1.0)
    assert started_since(before) == 4
    assert (array == -3.0).all()


def step_with_one_thread_in_the_environment() -> None:
    _core.set_grain(1)
    assert instep.get_num_threads() == 1
    array, before = np.zeros(100_000), live_threads()
    functional.sgd_step(array, np.ones(100_000), step=1, lr=1.0)
    assert started_since(before) == 0
    assert (array == -1.0).all()


def step_small_arrays_only() -> None:
    array, before = np.zeros(100), live_threads()
    functional.sgd_step(array, np.ones(100), step=1, lr=1.0)
    assert started_since(before) == 0


@needs_openmp
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
@pytest.mark.parametrize(
    ("scenario", "number"),
    [
        (step_on_five_threads_then_on_one, "5"),
        (step_with_one_thread_in_the_environment, "1"),
        (step_small_arrays_only, "5"),
    ],
)
def test_threads_that_really_start(scenario: Callable[[], None], number: str) -> None:
    run_scenario(scenario, environment={"OMP_NUM_THREADS": number, "OPENBLAS_NUM_THREADS": "1"})


def step_large_and_many_arrays() -> None:
    case = FEW_CASES[0]
    assert_step_equals_reference(case, case.random_arrays(4_000_000, DTYPES[0]))
    each = [case.random_arrays(size, DTYPES[0]) for size in range(1, 3000, 3)]
    assert_step_equals_reference(case, {name: [a[name] for a in each] for name in each[0]})


@pytest.mark.parametrize("number", ["100000", "2147483647", "0", "-3", "many", "3,2", ""])
def test_absurd_number_of_threads_in_the_environment(number: str) -> None:
    if number in {"2147483647", "-3", ""} and instep.show_config("dicts")["openmp"] == "omp":
        pytest.skip("LLVM's runtime itself ends the process")
    run_scenario(step_large_and_many_arrays, environment={"OMP_NUM_THREADS": number})


# Threads that call


def together(*tasks: Callable[[], None]) -> None:
    """Run the tasks at the same time, each on a thread of its own, and pass on what they raise."""
    barrier = threading.Barrier(len(tasks))
    raised = []

    def run(task: Callable[[], None]) -> None:
        barrier.wait()
        try:
            task()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    if raised:
        raise raised[0]


@pytest.mark.parametrize("size", [1, 1000, 300_000])
def test_threads_that_share_an_optimizer_lose_no_step(size: int) -> None:
    """In whatever order: integers are added without rounding."""
    param = np.zeros(size)
    optimizer = instep.SGD(param, lr=2.0)
    times = 40 if size > 1000 else 400

    def steps(value: float) -> Callable[[], None]:
        def run() -> None:
            for _ in range(times):
                optimizer.step(np.full(size, value))

        return run

    together(steps(1.0), steps(10.0), steps(100.0))
    assert_same_bits(param, np.full(size, -2.0 * 111.0 * times))
    state = optimizer.state_dict()
    assert state["steps"] == 3 * times
    assert state["state"][0]["step"] == 3 * times


def test_counts_and_norm_are_read_while_others_step() -> None:
    """Without waiting; ThreadSanitizer would tell of a torn read."""
    gradient = np.ones(300_000)
    bad = np.full_like(gradient, np.nan)
    optimizer = instep.SGD(np.zeros_like(gradient), lr=1.0, clip_norm=np.inf, nonfinite="skip")
    stepping = [True]

    def step() -> None:
        for _ in range(20):
            optimizer.step(gradient)
            optimizer.step(bad)
        stepping.clear()

    def read() -> None:
        counts = (0, 0)
        while stepping:
            before, counts = counts, (optimizer.steps, optimizer.skipped_steps)
            assert counts >= before
            norm = optimizer.last_grad_norm
            assert norm is None or np.isnan(norm) or norm == np.sqrt(300_000)

    together(step, read)
    assert (optimizer.steps, optimizer.skipped_steps) == (20, 20)


def test_counts_and_norm_are_read_without_waiting_for_a_step() -> None:
    read = []

    def lr(count: int) -> float:
        def reader() -> None:
            read.append((optimizer.steps, optimizer.skipped_steps, optimizer.last_grad_norm))

        together(reader)  # while this thread's step waits for it
        return 1.0

    optimizer = instep.SGD(np.zeros(4), lr=lr, clip_norm=np.inf)
    optimizer.step(np.ones(4))
    optimizer.step(np.ones(4))
    assert read == [(0, 0, None), (1, 0, 2.0)]


@pytest.mark.parametrize("size", [1000, 300_000])
def test_optimizers_side_by_side(size: int) -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal(size), rng.standard_normal((3, size))

    def train(param: Array, gradient: Array) -> None:
        optimizer = instep.Adam(param, lr=0.1)
        for _ in range(20):
            optimizer.step(gradient)

    alone = [start.copy() for _ in gradients]
    for param, gradient in zip(alone, gradients, strict=True):
        train(param, gradient)
    beside = [start.copy() for _ in gradients]
    together(*(partial(train, *pair) for pair in zip(beside, gradients, strict=True)))
    for ours, theirs in zip(beside, alone, strict=True):
        assert_same_bits(ours, theirs)


def test_step_functions_side_by_side() -> None:
    case = FEW_CASES[0]

    def steps(seed: int) -> Callable[[], None]:
        def run() -> None:
            for size in (1, 1000, 300_000):
                assert_step_equals_reference(case, case.random_arrays(size, DTYPES[1], seed))

        return run

    together(*(steps(seed) for seed in range(3)))


def test_a_step_within_its_own_step_is_refused() -> None:
    param, gradient = np.arange(5.0), np.ones(5)

    def lr(count: int) -> float:
        optimizer.step(gradient)
        return 1.0

    optimizer = instep.Adam(param, lr=lr)
    with pytest.raises(RuntimeError, match="step"):
        optimizer.step(gradient)
    assert_same_bits(param, np.arange(5.0))
    optimizer.lr = 1.0
    assert optimizer.state_dict()["steps"] == 0
    assert optimizer.state_dict()["state"][0]["step"] == 0
    for name, array in states(optimizer).items():
        assert_same_bits(array, np.zeros(5), name)

    optimizer.step(gradient)
    assert (param != np.arange(5.0)).all()
    assert optimizer.state_dict()["steps"] == 1


def states(optimizer: instep.Optimizer) -> dict[str, Array]:
    (state,) = optimizer.state_dict()["state"].values()
    return {name: array for name, array in state.items() if isinstance(array, np.ndarray)}


def test_a_step_within_the_step_of_another_optimizer() -> None:
    inner, outer = np.zeros(3), np.zeros(3)
    other = instep.SGD(inner, lr=1.0)

    def lr(count: int) -> float:
        other.step(np.ones(3))
        return 0.5

    instep.SGD(outer, lr=lr).step(np.ones(3))
    assert_same_bits(inner, np.full(3, -1.0))
    assert_same_bits(outer, np.full(3, -0.5))


# The floating-point mode of the caller: the word of the C library's floating-point environment
# that holds it, and its bits.

X86 = platform.machine() == "x86_64"
KNOWN = sys.platform.startswith("linux") and platform.machine() in ("x86_64", "aarch64")
WORD = 7 if X86 else 0
UPWARD = 0x4000 if X86 else 0x400000
FLUSH_TO_ZERO = 0x8040 if X86 else 0x1000000
EXCEPTIONS_SEEN = 0x3F if X86 else 0


def floating_point_mode(new: int | None = None) -> int:
    """Return the mode, and replace it by a new one if there is one."""
    libc = ctypes.CDLL(None)
    environment = (ctypes.c_uint32 * 16)()
    libc.fegetenv(environment)
    mode = int(environment[WORD]) & ~EXCEPTIONS_SEEN
    if new is not None:
        environment[WORD] = new
        libc.fesetenv(environment)
    return mode


@contextmanager
def other_mode(bits: int) -> Iterator[None]:
    """Add bits to the mode, and fail unless they are still there at the end."""
    default = floating_point_mode()
    floating_point_mode(default | bits)
    try:
        yield
    finally:
        after = floating_point_mode(default)
    assert after == default | bits


def steps_in_another_mode(bits: int) -> None:
    sample = np.concatenate([np.arange(50.0), np.arange(50.0) * np.finfo(float).smallest_normal])
    with other_mode(bits):
        unusual_sample = sample / 7
    assert (unusual_sample != sample / 7).any(), "the mode has no effect"

    large = _core.set_grain(1)
    for dtype, case in itertools.product(DTYPES, FEW_CASES):
        # A third of the values below the smallest normal number, a third with squares below it.
        start = case.random_arrays(1001, dtype)
        tiny = np.finfo(dtype).smallest_normal
        for array in start.values():
            array[::3] *= tiny
            array[1::3] *= np.sqrt(tiny)
        expected = {name: array.copy() for name, array in start.items()}
        case.step(reference, expected, number=7)
        for grain, threads in ((1, 1), (1, 3), (large, 1)):
            _core.set_grain(grain)
            arrays = {name: array.copy() for name, array in start.items()}
            with openmp_threads(threads), other_mode(bits):
                case.step(functional, arrays, number=7)
            for name, array in expected.items():
                assert_same_bits(arrays[name], array, name)

    here, there = (np.linspace(-1, 1, 1001) for _ in range(2))
    usual, unusual = instep.Adam(here, lr=0.1), instep.Adam(there, lr=0.1)
    for power in range(20):
        gradient = np.cos(np.arange(1001.0)) * 0.1**power
        usual.step(gradient)
        with other_mode(bits):
            unusual.step(gradient)
    assert_same_bits(there, here)

    with other_mode(bits), pytest.raises(ValueError, match="shape"):
        unusual.step(np.zeros(3))


@pytest.mark.skipif(not KNOWN, reason="the layout of the floating-point environment is not known")
@pytest.mark.parametrize("bits", [UPWARD, FLUSH_TO_ZERO, UPWARD | FLUSH_TO_ZERO], ids=hex)
def test_floating_point_mode_of_the_caller(bits: int) -> None:
    run_scenario(steps_in_another_mode, bits)
