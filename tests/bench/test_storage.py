"""Steps that store in 16 bits take part where they are offered, and step as float32's do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

import instep
from instep.bench.cases import Case
from instep.bench.contenders import Contender, NotOffered
from instep.bench.own import INSTEP
from instep.bench.peers import load
from instep.bench.rules import RULES, Rule
from instep.bench.storage import COMBINATIONS, CONTENDERS
from tests.bench.made_up import RULE

every_contender = pytest.mark.parametrize("contender", CONTENDERS, ids=lambda each: each.name)


@pytest.fixture(autouse=True)
def no_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


def stepped(contender: Contender, case: Case) -> list[np.ndarray]:
    stepper = contender.prepare(case)
    for _ in range(5):
        stepper.step()
    return [np.array(param, np.float64) for param in stepper.params()]


@every_contender
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_steps_as_float32_up_to_what_is_rounded(contender: Contender, rule: Rule) -> None:
    slow = dataclasses.replace(rule, options={**rule.options, "lr": 0.01})
    case = Case(slow, "float32", (48, 80), gradient_buffers=2)
    if "state_dtype" in COMBINATIONS[contender.name] and (
        not rule.states or rule.name == "rmsprop-centered"
    ):
        with pytest.raises(NotOffered, match=r"has no states|all rounding"):
            contender.prepare(case)
        return
    for param, expected in zip(stepped(contender, case), stepped(INSTEP, case), strict=True):
        np.testing.assert_allclose(param, expected, rtol=0.03, atol=0.005)


BYTES_OF_ADAM = {
    "bfloat16 states": 20,
    "bfloat16 states, nearest": 20,
    "float16 states": 20,
    "bfloat16 parameters": 22,
    "bfloat16 with master": 26,
    "copy": 30,
    "bfloat16 gradient, copy": 28,
    "all bfloat16": 14,
    "all bfloat16, nearest": 14,
    "all bfloat16, stochastic": 14,
    "torch drop-in, all bfloat16": 14,
    "torch fused, all bfloat16": 14,
    "torch fused, then a copy": 30,
    "deepspeed, then a copy": 30,
    "deepspeed, bfloat16 parameters": 22,
    "deepspeed, all bfloat16": 14,
}


def test_bytes_of_a_step_follow_from_what_is_stored() -> None:
    case = Case(RULE["adam"], "float32", (5, 8))
    loaded, skipped = load(["torch", "deepspeed"], storage=True)
    found = {
        each.name: each.bytes_moved(case) / 13
        for each in (*CONTENDERS, *loaded)
        if each.other_bytes is not None
    }
    assert found.items() <= BYTES_OF_ADAM.items()
    assert skipped or found == BYTES_OF_ADAM


@every_contender
def test_none_takes_part_in_float64(contender: Contender) -> None:
    with pytest.raises(NotOffered, match="no float64"):
        contender.prepare(Case(RULE["adam"], "float64", (48,)))


@pytest.mark.parametrize("name", ["torch", "deepspeed"])
def test_peers_are_in_16_bits_where_that_is_asked_for(name: str) -> None:
    usual, skipped = load([name])
    if skipped:
        pytest.skip(skipped[name])
    more = load([name], storage=True)[0][len(usual) :]
    assert more
    case = Case(RULE["adamw"], "float32", (48, 80))
    for contender in more:
        try:
            found = stepped(contender, case)
        except NotOffered:  # what does not compile here
            assert name == "deepspeed"
            continue
        for param, expected in zip(found, stepped(INSTEP, case), strict=True):
            np.testing.assert_allclose(param, expected, rtol=0.03, atol=0.005)
