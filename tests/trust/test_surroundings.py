"""Faults that come from around the optimizer: callables, signals, threads, memory of others."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import instep
from instep import functional
from tests.api.model import each_variant, make
from tests.cases import DTYPES, FEW_CASES, Case
from tests.compare import assert_same_bits, assert_step_equals_reference
from tests.engine.test_layouts import LAYOUTS
from tests.processes import run_python, run_scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from tests.cases import Array

LARGE = 300_000


# Callables and signals


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, MemoryError])
@each_variant
def test_an_exception_from_lr_changes_nothing(
    name: str, options: dict[str, Any], error: type[BaseException]
) -> None:
    fails = False

    def lr(step: int) -> float:
        if fails:
            raise error
        return 0.1

    param, grad = np.linspace(-1, 1, 50), np.linspace(1, 2, 50)
    other = param.copy()
    optimizer = make(name, param, **options | {"lr": lr})
    undisturbed = make(name, other, **options | {"lr": 0.1})
    for fails in (False, True, True, False):
        if fails:
            before, state = param.copy(), optimizer.state_dict()
            with pytest.raises(error):
                optimizer.step(grad)
            assert_same_bits(param, before)
            assert repr(optimizer.state_dict()) == repr(state)
        else:
            optimizer.step(grad)
            undisturbed.step(grad)
    assert_same_bits(param, other)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the platform has no interval timers")
@pytest.mark.parametrize("size", [10, LARGE])
def test_an_interrupt_comes_between_steps(size: int) -> None:
    """However often it comes: every step was taken whole, and counted."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    param, grad = np.zeros(size), np.ones(size)
    optimizer = instep.SGD(param, lr=1.0, momentum=0.0)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for k in range(50):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 * (k + 1))
                while True:
                    optimizer.step(grad)
            except KeyboardInterrupt:
                taken = optimizer.state_dict()["steps"]
                assert_same_bits(param, np.full(size, -float(taken)))
                assert optimizer.state_dict()["state"][0]["step"] == taken
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Memory of others


def while_memory_is_reused(work: Callable[[], None]) -> None:
    """Call `work` while another thread takes whatever memory is let go and writes to it."""
    stop = threading.Event()

    def reuse() -> None:
        while not stop.is_set():
            for _ in range(4):
                np.full(LARGE, np.nan)
            gc.collect(0)

    thread = threading.Thread(target=reuse)
    thread.start()
    try:
        work()
    finally:
        stop.set()
        thread.join()


def test_gradients_that_nobody_else_holds() -> None:
    param = np.zeros(LARGE)
    optimizer = instep.SGD(param, lr=1.0)

    def work() -> None:
        for _ in range(60):
            optimizer.step(np.ones(LARGE))
            optimizer.step(np.ones(LARGE) * 1.0)
        for _ in range(30):
            functional.sgd_step(param, np.ones(LARGE), step=1, lr=1.0)

    while_memory_is_reused(work)
    assert_same_bits(param, np.full(LARGE, -150.0))


def test_a_list_of_gradients_that_changes_during_the_step() -> None:
    """A step holds the arrays that the list had when it began."""
    params = [np.zeros(LARGE) for _ in range(3)]
    optimizer = instep.SGD(params, lr=1.0)
    grads: list[Array] = []
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            for k in range(len(grads)):
                grads[k] = np.ones(LARGE)

    def work() -> None:
        for _ in range(60):
            optimizer.step(grads)

    grads.extend(np.ones(LARGE) for _ in params)
    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        while_memory_is_reused(work)
    finally:
        stop.set()
        thread.join()
    for param in params:
        assert_same_bits(param, np.full(LARGE, -60.0))


def test_arrays_of_a_running_step_cannot_be_resized() -> None:
    param, grad = np.zeros(LARGE), np.ones(LARGE)
    optimizer = instep.SGD(param, lr=1.0)
    refusals = []
    stop = threading.Event()

    def resize() -> None:
        while not stop.is_set():
            try:
                param.resize(2 * LARGE)
            except ValueError as error:
                refusals.append(str(error))

    thread = threading.Thread(target=resize)
    thread.start()
    try:
        for _ in range(50):
            optimizer.step(grad)
    finally:
        stop.set()
        thread.join()
    assert refusals
    assert_same_bits(param, np.full(LARGE, -50.0))


@pytest.mark.skipif(sys.platform == "win32", reason="a mapped file cannot be cut there")
def test_a_cut_file_of_a_memmap_ends_the_process(tmp_path: Path) -> None:
    """Not promised to be survived: no library can, the system sends a signal."""
    path = tmp_path / "weights"
    program = (
        "import numpy as np, instep, os\n"
        f"w = np.memmap({str(path)!r}, np.float64, 'w+', shape=(1 << 20,))\n"
        "optimizer = instep.SGD(w)\n"
        f"os.truncate({str(path)!r}, 4096)\n"
        "optimizer.step(np.ones(w.shape))\n"
    )
    result = run_python("-c", program)
    assert result.returncode == -signal.SIGBUS


# Stacks


def step_every_layout() -> None:
    for case in FEW_CASES:
        for layout in LAYOUTS.values():
            arrays = case.random_arrays((70, 130), DTYPES[1])
            for name, array in arrays.items():
                if array.ndim == 2 and not case.is_reduced(name):
                    arrays[name] = layout(array.shape, array.dtype)
                    arrays[name][...] = array
            assert_step_equals_reference(case, arrays)
    conditioned = Case("sgd", (), {"lr": 0.1, "clip_norm": 1.0, "clip_value": 0.1})
    assert_step_equals_reference(conditioned, conditioned.random_arrays((700, 130), DTYPES[1]))


def step_on_small_stacks(kibibytes: int) -> None:
    threading.stack_size(kibibytes * 1024)
    raised = []

    def run() -> None:
        try:
            instep._core.set_grain(1)
            step_every_layout()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


@pytest.mark.skipif(os.name == "nt", reason="a pipe without a reader is another error there")
@pytest.mark.parametrize(
    "arguments",
    [
        "info",
        "--help",
        "bench --rules adam --sizes 10 --seconds-per-case 0",
        "study --help",
        "study toy --quick --out {}",
    ],
)
def test_a_reader_that_has_seen_enough_ends_a_command_in_silence(
    arguments: str, tmp_path: Path
) -> None:
    if arguments.startswith(("bench", "study toy")):
        pytest.importorskip("rich")
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, "-m", "instep", *arguments.format(tmp_path).split()],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert result.returncode in {0, 1}  # argparse, which prints the help, does not look
    for fault in ("Traceback", "Exception ignored", "Error"):
        assert fault not in result.stderr


def test_threads_with_small_stacks() -> None:
    """128 KiB is what musl gives a thread; Python itself needs more for the calling one."""
    run_scenario(
        step_on_small_stacks, 512, environment={"OMP_STACKSIZE": "128k", "OMP_NUM_THREADS": "3"}
    )
