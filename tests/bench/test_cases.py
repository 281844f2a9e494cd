"""The cases: what their steps compute, and how many bytes they move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import instep
from instep.bench.arrays import DTYPES, LAYOUTS, NUMBERS, Arrays
from instep.bench.cases import Case
from instep.bench.own import FUNCTIONAL, INSTEP, REFERENCE
from instep.bench.rules import RULES, Rule
from tests.bench.made_up import RULE

BYTES_PER_FLOAT32 = {
    "sgd": 12,
    "sgd-momentum": 20,
    "sgd-nesterov": 20,
    "adam": 28,
    "adamw": 28,
    "amsgrad": 36,
    "adamax": 28,
    "radam": 28,
    "rmsprop": 20,
    "rmsprop-momentum": 28,
    "rmsprop-centered": 28,
    "rprop": 28,
    "adagrad": 20,
    "adadelta": 28,
    "adabelief": 28,
    "ftrl": 28,
    "adan": 44,
    "rowwise_adagrad": 12,
    "adafactor": 24,
    "ademamix": 36,
    "schedule_free_sgd": 20,
    "schedule_free_adamw": 28,
    "lars": 12,
    "lars-adapted": 28,
    "lamb": 44,
}


@dataclass(frozen=True)
class OpenCase(Case):
    """A case that keeps hold of the parameters that it gave away."""

    given: list[list[np.ndarray[Any, Any]]] = field(default_factory=list)

    def arrays(self) -> tuple[Arrays, list[Arrays]]:
        params, grads = super().arrays()
        self.given.append(params if isinstance(params, list) else [params])
        return params, grads


@pytest.fixture(autouse=True)
def _no_thread_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("gradient_buffers", [1, 3])
@pytest.mark.parametrize("sizes", [(7,), (5, 8)], ids=["one array", "two arrays"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_contenders_take_the_same_steps(
    rule: Rule, sizes: tuple[int, ...], gradient_buffers: int, layout: str
) -> None:
    case = OpenCase(rule, "float32", sizes, layout, gradient_buffers)
    steps = [contender.prepare(case).step for contender in (INSTEP, FUNCTIONAL, REFERENCE)]
    start = [param.copy() for param in case.given[0]]
    for step in steps:
        for _ in range(5):
            step()
    one, *others = case.given
    assert not any(np.any(param == before) for param, before in zip(one, start, strict=True))
    for other in others:
        for param, same in zip(one, other, strict=True):
            assert param is not same
            assert param.tobytes() == same.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BYTES_PER_FLOAT32)
def test_bytes_of_a_step_follow_from_the_arrays(name: str, dtype: str) -> None:
    wider = np.dtype(dtype).itemsize // 4
    assert Case(RULE[name], dtype, (5, 8)).bytes_moved == 13 * BYTES_PER_FLOAT32[name] * wider


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_squares_of_gradients_are_as_they_are_called(numbers: str, dtype: str) -> None:
    _, grads = Case(RULES[0], dtype, (100,), numbers=numbers).arrays()
    squares = np.square(np.asarray(grads[0]))
    assert bool(np.all(squares < np.finfo(dtype).smallest_normal)) == (numbers == "subnormal")
