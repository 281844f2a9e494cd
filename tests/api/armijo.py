"""What the tests of the Armijo line search have in common."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from instep import line_search
from tests.cases import Array

HALVING: dict[str, Any] = {"batch_fraction": 1.0, "c": 0.5, "backtracking": 0.5}
"""Options with which the tables' step sizes are exact."""


def make(params: Any, **options: Any) -> Any:
    """Construct the optimizer; untyped, for tests that pass what must be refused."""
    return line_search.ArmijoSGD(params, **{**HALVING, **options})


def returning(*losses: Any) -> Callable[[], Any]:
    """Return a loss that gives these values in turn, raising those that are exceptions."""
    remaining = iter(losses)

    def loss() -> Any:
        value = next(remaining)
        if isinstance(value, BaseException):
            raise value
        return value

    return loss


def bits(arrays: Sequence[Array]) -> list[bytes]:
    return [array.tobytes() for array in arrays]


# A NaN with a payload and a negative zero: what only a copy of the bits brings back.
ODD = np.array([0x7FF8000000000123, 0x8000000000000000, 0x3FF0000000000000], np.uint64)


def odd_params() -> list[Array]:
    return [ODD.view(np.float64).copy(), np.ones((2, 3), np.float32)]


def some_grads() -> list[Array]:
    return [np.array([1.0, -2.0, 0.5]), np.full((2, 3), 0.25, np.float32)]


@contextlib.contextmanager
def refused(error: type[BaseException], match: str, optimizer: Any) -> Iterator[None]:
    """Assert that the block raises `error` and changes nothing, the next step included."""
    twin = copy.deepcopy(optimizer)
    before = [optimizer.state_dict(), bits(optimizer.params)]
    with pytest.raises(error, match=match):
        yield
    assert [optimizer.state_dict(), bits(optimizer.params)] == before
    for each in (optimizer, twin):
        each.step(returning(0.0, 1.0, -99.0), some_grads())
    assert optimizer.state_dict() == twin.state_dict()
    assert bits(optimizer.params) == bits(twin.params)


@pytest.fixture(params=["first step", "later step"])
def optimizer(request: pytest.FixtureRequest) -> Any:
    made = make(odd_params())
    if request.param == "later step":
        made.step(returning(0.0, 1.0, 1.0, -99.0), some_grads())
        made.step(returning(0.0, *[1.0] * 200), some_grads())
    return made
