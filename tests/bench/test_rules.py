"""The rules that are measured: every one that there is, and what is known of each."""

from __future__ import annotations

import pytest

from instep import _core
from instep.bench.rules import RULES, VARIANTS
from tests.bench.made_up import RULE


@pytest.mark.parametrize(
    ("name", "roots"),
    [
        ("sgd-nesterov", 0),
        ("adam", 1),
        ("amsgrad", 1),
        ("radam", 1),
        ("rmsprop-centered", 1),
        ("adadelta", 2),
    ],
)
def test_roots_of_a_step_are_those_of_the_reference(name: str, roots: int) -> None:
    assert RULE[name].roots == roots


def test_every_rule_is_measured() -> None:
    variants = {name for of_rule in VARIANTS.values() for name in of_rule}
    assert {rule.name for rule in RULES} == set(_core.rules()) | variants
