"""The cases: what their steps compute, how many bytes they move, and which there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import instep
from instep import _core
from instep.bench.arrays import DTYPES, LAYOUTS, NUMBERS, Arrays
from instep.bench.cases import Case
from instep.bench.own import INSTEP, REFERENCE
from instep.bench.presets import DEFAULT, FULL, QUICK, Preset
from instep.bench.rules import RULES, VARIANTS, Rule

BYTES_PER_FLOAT32 = {
    "sgd": 12,
    "sgd-momentum": 20,
    "sgd-nesterov": 20,
    "adam": 28,
    "adamw": 28,
    "amsgrad": 36,
    "rmsprop": 20,
    "rmsprop-momentum": 28,
    "rmsprop-centered": 28,
    "adagrad": 20,
    "adadelta": 28,
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
    steps = [contender.prepare(case).step for contender in (INSTEP, REFERENCE)]
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


def named(name: str) -> Rule:
    return next(rule for rule in RULES if rule.name == name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BYTES_PER_FLOAT32)
def test_bytes_of_a_step_follow_from_the_arrays(name: str, dtype: str) -> None:
    wider = np.dtype(dtype).itemsize // 4
    assert Case(named(name), dtype, (5, 8)).bytes_moved == 13 * BYTES_PER_FLOAT32[name] * wider


@pytest.mark.parametrize(
    ("name", "roots"),
    [("sgd-nesterov", 0), ("adam", 1), ("amsgrad", 1), ("rmsprop-centered", 1), ("adadelta", 2)],
)
def test_roots_of_a_step_are_those_of_the_reference(name: str, roots: int) -> None:
    assert named(name).roots == roots


def test_every_rule_is_measured() -> None:
    variants = {name for of_rule in VARIANTS.values() for name in of_rule}
    assert {rule.name for rule in RULES} == set(_core.rules()) | variants
    assert set(BYTES_PER_FLOAT32) <= {rule.name for rule in RULES}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_squares_of_gradients_are_as_they_are_called(numbers: str, dtype: str) -> None:
    _, grads = Case(RULES[0], dtype, (100,), numbers=numbers).arrays()
    squares = np.square(np.asarray(grads[0]))
    assert bool(np.all(squares < np.finfo(dtype).smallest_normal)) == (numbers == "subnormal")


def test_a_preset_has_every_combination() -> None:
    preset = Preset(
        sizes=[(1,), (2, 2)],
        dtypes=DTYPES,
        layouts=tuple(LAYOUTS),
        numbers=tuple(NUMBERS),
        gradients=("same", "new"),
        threads=(1, None),
    )
    cases = list(preset.cases())
    assert len(cases) == len(RULES) * 2 * 2 * len(LAYOUTS) * 2 * 2 * 2
    assert len({str(case) for case in cases}) == len(cases)
    # Cases of one kind follow each other.
    assert [case.kind for case in cases[::2]] == [case.kind for case in cases[1::2]]


def test_presets() -> None:
    default, quick, full = (list(preset.cases()) for preset in (DEFAULT, QUICK, FULL))
    assert {case.rule.name for case in default} == {rule.name for rule in RULES}
    assert {case.dtype for case in default} == {"float32"}
    assert len(quick) <= 10
    assert max(case.elements for case in quick) == 1_000_000
    assert {case.rule.name for case in full} == {rule.name for rule in RULES}
    assert {case.dtype for case in full} == set(DTYPES)
    sizes = [case.elements for case in full]
    assert (min(sizes), max(sizes)) == (1, 30_000_000)
    for case in (*default, *quick, *full):
        assert (case.layout, case.numbers, case.gradient_buffers) == ("contiguous", "normal", 1)
        assert case.threads is None
