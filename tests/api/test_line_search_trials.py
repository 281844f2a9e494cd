"""The trial points of the Armijo line search: in place, for any layout, structure and gradients."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import instep
from instep import reference
from tests.api.armijo import (
    bits,
    make,
    odd_params,
    returning,
    some_grads,
)
from tests.api.model import assert_same, named
from tests.cases import Array

LAYOUTS: dict[str, Callable[[int], Array]] = {
    "contiguous": lambda n: np.zeros((4 * n, 6)),
    "float32": lambda n: np.zeros((4 * n, 6), np.float32),
    "transposed": lambda n: np.zeros((4 * n, 6)).T,
    "sliced": lambda n: np.zeros((8 * n, 18))[::2, 1::3],
    "reversed": lambda n: np.zeros((4 * n, 6))[::-1, ::-1],
    "misaligned": lambda n: np.zeros(n * 8 + 1, np.uint8)[1:].view(np.float64),
    "subclass": lambda n: np.zeros(n).view(Unwilling),
    "scalar": lambda _: np.zeros(()),
    "empty": lambda n: np.zeros((0, n)),
}
"""Arrays of n or a few times as many elements."""


class Unwilling(np.ndarray[Any, Any]):
    """Refuses what NumPy's functions would do to it; its memory is stepped all the same."""

    def __array_function__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError


each_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))


@each_layout
def test_every_trial_is_seen_in_place_and_starts_from_the_same_bits(
    layout: Callable[[int], Array],
) -> None:
    param = layout(5)
    plain = param.view(np.ndarray)
    plain[...] = np.random.default_rng(1).standard_normal(param.shape)
    grad = np.asarray(np.random.default_rng(2).standard_normal(param.shape), param.dtype)
    start = plain.copy()
    optimizer = make(param)
    seen: list[Array] = []

    def loss() -> float:
        seen.append(plain.copy())
        return -99.0 if len(seen) == 4 else 0.0

    optimizer.step(loss, grad)
    if param.size == 0:
        assert (optimizer.evaluations, optimizer.steps) == (1, 1)
        return
    expected = [start]
    for lr in (1.0, 0.5, 0.25):
        trial = start.copy()
        reference.sgd_step(trial, grad, step=1, lr=lr)
        expected.append(trial)
    assert_same(seen, expected)
    assert_same(plain.copy(), expected[-1])


@pytest.mark.parametrize(
    ("options", "trials"),
    [
        ({"max_trials": 1}, 1),
        ({"max_trials": 7}, 7),
        ({}, 200),
        ({"max_trials": 10, "initial_lr": 5e-324}, 1),  # half of it is 0
        ({"max_trials": 10**6}, 1075),
    ],
)
def test_a_search_that_finds_nothing_takes_no_step(options: dict[str, Any], trials: int) -> None:
    params = odd_params()
    before = bits(params)
    optimizer = make(params, **options)
    lr = optimizer.lr
    for count in (1, 2):
        optimizer.step(itertools.chain([3.0], itertools.repeat(4.0)).__next__, some_grads())
        assert bits(params) == before
        assert optimizer.state_dict() == {
            "lr": lr,
            "last_loss": 3.0,
            "steps": 0,
            "failed_searches": count,
            "evaluations": count * (1 + trials),
        }
    optimizer.step(returning(3.0, -99.0), some_grads())
    assert (optimizer.lr, optimizer.steps, optimizer.failed_searches) == (lr, 1, 2)


def test_a_search_goes_on_from_the_last_step_size_after_one_that_found_nothing() -> None:
    optimizer = make(np.zeros(1), max_trials=2)
    for losses, lr in (([0, 1, -9], 0.5), ([0, 1, 1], 0.5), ([0, 1, 1], 0.5), ([0, -9], 1.0)):
        optimizer.step(returning(*losses), np.ones(1))
        assert optimizer.lr == lr


@each_layout
def test_a_search_costs_one_copy_that_is_kept(layout: Callable[[int], Array]) -> None:
    param = layout(20_000)
    grad = np.full(param.shape, 1.0, param.dtype)
    few = 32 * 1024
    tracemalloc.start()
    try:
        optimizer = make(param)
        kept, _ = tracemalloc.get_traced_memory()
        assert kept <= param.nbytes + few
        for losses in ([0.0, 1.0, 1.0, -1e9], [0.0, *[1.0] * 200], [0.0, 1.0, math.nan, -1e9]):
            optimizer.step(returning(*losses), grad)
        _, peak = tracemalloc.get_traced_memory()
        assert peak <= param.nbytes + few
    finally:
        tracemalloc.stop()


# The structures of parameters and gradients.

STRUCTURES: dict[str, tuple[Callable[[list[Array]], Any], Callable[[list[Any]], Any]]] = {
    "list": (list, list),
    "tuple": (tuple, tuple),
    "iterator": (iter, iter),
    "mapping": (named("wb"), named("wb")),
    "mapping in another order": (named("wb"), lambda grads: named("bw")(grads[::-1])),
}
"""What makes of two parameters, and of their gradients, what is passed."""


@pytest.mark.parametrize(("outer", "inner"), STRUCTURES.values(), ids=list(STRUCTURES))
def test_structures(outer: Callable[[list[Array]], Any], inner: Callable[[list[Any]], Any]) -> None:
    params: list[Array] = [np.zeros(2), np.zeros((2, 1), np.float32)]
    optimizer = make(outer(params))
    assert [id(param) for param in optimizer.params] == [id(param) for param in params]
    grads = [np.full(2, 2.0), np.ones((2, 1), np.float32)]
    optimizer.step(returning(0.0, 1.0, 1.0, -99.0), inner(grads))
    assert [param.ravel().tolist() for param in params] == [[-0.5, -0.5], [-0.25, -0.25]]


def test_the_condition_takes_the_norm_of_all_gradients() -> None:
    """A decrease of c · lr · ‖g‖², 0.5 · (9 + 16), is accepted, and nothing less."""
    for reached, lr in ((-12.5, 1.0), (math.nextafter(-12.5, 0), 0.5)):
        params = [np.zeros(1), np.zeros(1, np.float32)]
        optimizer = make(params)
        optimizer.step(
            returning(0.0, reached, -99.0), [np.full(1, 3.0), np.full(1, 4.0, np.float32)]
        )
        assert optimizer.lr == lr


def test_parameters_without_a_gradient_stay() -> None:
    params = odd_params()
    before = bits(params)
    optimizer = make(params)
    optimizer.step(returning(0.0, 1.0, -99.0), [None, np.ones((2, 3), np.float32)])
    assert bits(params)[0] == before[0]
    assert (params[1] == 0.5).all()


def test_rows() -> None:
    table = np.zeros((4, 2))
    optimizer = make(table)
    rows = instep.RowGradient(np.array([3, 1, 3]), np.array([[1.0, 0.0], [2.0, 0.0], [2.0, 4.0]]))
    # The norm's square is 3² + 4² + 2² = 29.
    optimizer.step(returning(0.0, -14.4, -29 / 4 + 1e-12, -29 / 8), rows)
    assert optimizer.lr == 0.25
    assert table.tolist() == [[0, 0], [-0.5, 0], [0, 0], [-0.75, -1.0]]
