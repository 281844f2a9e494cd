"""The table of all rules in docs/mathematics/index.md says what their classes say."""

from __future__ import annotations

import re
from inspect import Parameter, signature

import pytest

import instep
from instep import _core
from tests.api.model import DEFAULTS
from tests.processes import ROOT

PAGE = (ROOT / "docs/mathematics/index.md").read_text(encoding="utf-8")
ROWS = {
    name: (keywords, states)
    for name, keywords, states in re.findall(
        r"^\| `(\w+)` \| `(.*?)` \| (.*?) \|", PAGE, re.MULTILINE
    )
}
OF_ALL = ("params", "maximize", "options")
"""Parameters that every class has: the text above the table names them."""

each_class = pytest.mark.parametrize("name", DEFAULTS)


def test_it_has_every_class_and_no_other() -> None:
    assert sorted(ROWS) == sorted(DEFAULTS)


@each_class
def test_keywords_and_defaults(name: str) -> None:
    positional, _, keyword_only = ROWS[name][0].partition(", *, ")
    said = [eval(f"dict({keywords})") for keywords in (positional, keyword_only)]
    parameters = [
        p for p in signature(getattr(instep, name)).parameters.values() if p.name not in OF_ALL
    ]
    for kind, expected in zip(
        (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY), said, strict=True
    ):
        assert {p.name: p.default for p in parameters if p.kind == kind} == expected


@each_class
def test_states(name: str) -> None:
    states = re.findall(r"`(\w+)`", re.sub(r"\*.*?\*", "", ROWS[name][1]))
    assert states == list(_core.rules()[getattr(instep, name)._rule.name][1])
