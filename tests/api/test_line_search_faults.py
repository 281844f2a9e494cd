"""What goes wrong in an Armijo line search leaves all as it was."""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np
import pytest

from instep import line_search
from tests.api.armijo import (
    bits,
    make,
    odd_params,
    refused,
    returning,
    some_grads,
)
from tests.api.armijo import optimizer as optimizer


@pytest.mark.parametrize("calls", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "error",
    [KeyError("mine"), KeyboardInterrupt("mine"), SystemExit("mine"), GeneratorExit("mine")],
    ids=lambda error: type(error).__name__,
)
def test_what_the_loss_raises_goes_on(optimizer: Any, error: BaseException, calls: int) -> None:
    with refused(type(error), "mine", optimizer):
        optimizer.step(returning(*[1.0] * calls, error), some_grads())


@pytest.mark.parametrize("calls", [0, 1, 3])
@pytest.mark.parametrize("loss", ["1.0", None, np.ones(1), 1j, True, [1.0]])
def test_losses_that_are_no_numbers_are_refused(optimizer: Any, loss: Any, calls: int) -> None:
    with refused(TypeError, "loss: expected a number", optimizer):
        optimizer.step(returning(*[1.0] * calls, loss), some_grads())


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, np.float32(np.inf)])
def test_a_start_that_is_not_finite_is_refused(optimizer: Any, loss: Any) -> None:
    with refused(FloatingPointError, "loss: expected a finite number", optimizer):
        optimizer.step(returning(loss, -99.0), some_grads())
    with refused(FloatingPointError, "value: expected a finite number", optimizer):
        optimizer.step(returning(-99.0), some_grads(), value=loss)


@pytest.mark.parametrize(
    ("grads", "error", "match"),
    [
        (some_grads()[0], TypeError, "sequence of 2"),
        (None, TypeError, "sequence of 2"),
        (some_grads()[:1], ValueError, "expected 2"),
        ([some_grads()[0], np.ones((2, 3))], TypeError, "float64"),
        ([some_grads()[0], np.ones((3, 2), np.float32)], ValueError, "shape"),
        ([[1.0] * 3, None], TypeError, "list"),
        ([np.array([1.0, math.nan, 1.0]), some_grads()[1]], FloatingPointError, "not at index"),
        ([some_grads()[0], np.full((2, 3), math.inf, np.float32)], FloatingPointError, "index"),
        (iter([some_grads()[0]]), ValueError, "expected 2"),
    ],
)
def test_gradients_that_are_refused(
    optimizer: Any, grads: Any, error: type[Exception], match: str
) -> None:
    with refused(error, match, optimizer):
        optimizer.step(returning(1.0), grads)


def test_a_gradient_in_the_parameters_memory_is_refused(optimizer: Any) -> None:
    with refused(ValueError, "share memory", optimizer):
        optimizer.step(returning(1.0), [optimizer.params[0][::-1], None])


def test_gradients_that_change_during_the_search_are_refused(optimizer: Any) -> None:
    grads = some_grads()

    def loss() -> float:
        grads[0] += 1.0
        return 1.0

    with refused(RuntimeError, "grads: expected them to stay", optimizer):
        optimizer.step(loss, grads)


@pytest.mark.parametrize("loss", [None, 1.0])
def test_a_loss_that_cannot_be_called_is_refused(optimizer: Any, loss: Any) -> None:
    with refused(TypeError, "loss: expected a callable", optimizer):
        optimizer.step(loss, some_grads())


@pytest.mark.parametrize("value", ["1.0", np.ones(1), True])
def test_values_that_are_no_numbers_are_refused(optimizer: Any, value: Any) -> None:
    with refused(TypeError, "value: expected a number", optimizer):
        optimizer.step(returning(-99.0), some_grads(), value=value)


@contextlib.contextmanager
def interrupt_at(event: int) -> Iterator[None]:
    """Raise KeyboardInterrupt before the instruction of the module that is run as `event`-th."""
    instructions = 0

    def trace(frame: FrameType, what: str, _: Any) -> Any:
        nonlocal instructions
        if frame.f_code.co_filename != line_search.__file__:
            return None
        frame.f_trace_opcodes = True
        instructions += what == "opcode"
        if instructions == event:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(previous)


@pytest.mark.parametrize(
    "losses",
    [[0.0, 1.0, 1.0, -99.0], [0.0, 1.0, 1.0, 1.0]],
    ids=["a step", "a search that finds nothing"],
)
def test_an_interrupt_anywhere_leaves_all_or_nothing(losses: list[float]) -> None:
    def state(optimizer: Any) -> Any:
        return optimizer.state_dict(), bits(optimizer.params)

    done = make(odd_params(), max_trials=3)
    untouched = state(done)
    done.step(returning(*losses), some_grads())
    interrupted = 0
    for event in itertools.count(1):
        optimizer = make(odd_params(), max_trials=3)
        try:
            with interrupt_at(event):
                optimizer.step(returning(*losses), some_grads())
        except KeyboardInterrupt:
            interrupted += 1
            assert state(optimizer) in (untouched, state(done)), f"instruction {event}"
        else:
            break
    assert interrupted > 200
    assert state(optimizer) == state(done)
