"""The floors: loops that move, and take the roots of, what a step does, pass by pass."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from instep import _core
from instep.bench.arrays import DTYPES
from instep.bench.cases import Case
from instep.bench.contenders import NotOffered
from instep.bench.floors import ROOT, TRAFFIC
from instep.bench.rules import RULES, Rule
from tests.bench.made_up import RULE


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_traffic_floor_moves_what_a_step_does(rule: Rule, dtype: str) -> None:
    case = Case(rule, dtype, (1000,), threads=1)
    assert floor_of(TRAFFIC.prepare(case).step).bytes == case.bytes_moved


def test_passes_before_only_read() -> None:
    arrays = [np.full(999, float(k)) for k in range(4)]
    for read_before in range(2 * len(arrays) + 2):
        before = [array.copy() for array in arrays]
        _core.Floor(arrays, 0, read_before, 2).run()
        grad = before[1]
        for k, (array, old) in enumerate(zip(arrays, before, strict=True)):
            np.testing.assert_array_equal(array, old if k == 1 else old + grad)


def test_no_pass_before_reads_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="read_before: expected a number of arrays"):
        _core.Floor([np.ones(3) for _ in range(3)], 0, -1, 1)


@pytest.mark.parametrize(("read_before", "arrays_moved"), [(0, 5), (2, 5), (4, 8)])
def test_roots_of_states_that_are_measured_are_taken_before(
    read_before: int, arrays_moved: int
) -> None:
    """Parameter and gradient have none."""
    rule = dataclasses.replace(RULE["adam"], read_before=read_before)
    floor = floor_of(ROOT.prepare(Case(rule, "float32", (10,), threads=1)).step)
    assert floor.bytes == arrays_moved * 10 * 4


def test_a_rule_without_a_root_has_no_floor_of_roots() -> None:
    with pytest.raises(NotOffered, match="has no root"):
        ROOT.prepare(Case(RULE["lars-adapted"], "float32", (10,)))


def floor_of(run: Any) -> _core.Floor:
    floor: _core.Floor = run.__self__
    return floor
