"""The documentation names every optimizer and explains every rule."""

from __future__ import annotations

import re

import pytest

from instep import _core
from tests.api.model import DEFAULTS
from tests.processes import ROOT

API = ROOT / "docs/api/optimizers.md"
MATHEMATICS = ROOT / "docs/mathematics"

SHARED = dict.fromkeys(("schedule_free_sgd", "schedule_free_adamw"), "schedule-free")
"""The pages of rules that are explained together."""

each_rule = pytest.mark.parametrize("rule", sorted(_core.rules()))


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_readme_names_it(name: str) -> None:
    table = re.findall(r"^\|.*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert any(re.search(rf"`(instep\.)?{name}`", row) for row in table), (
        f"README.md has no row with `instep.{name}` in its table of what there is"
    )


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_reference_of_the_api_shows_it(name: str) -> None:
    directive = f".. autoclass:: instep.{name}\n"
    assert directive in API.read_text(encoding="utf-8"), (
        f"docs/api/optimizers.md has no {directive!r}"
    )


@each_rule
def test_the_mathematics_of_a_rule_has_a_page(rule: str) -> None:
    page = SHARED.get(rule, rule)
    assert (MATHEMATICS / f"{page}.md").is_file(), f"there is no docs/mathematics/{page}.md"


@each_rule
def test_the_index_of_the_mathematics_leads_to_its_page(rule: str) -> None:
    index = (MATHEMATICS / "index.md").read_text(encoding="utf-8")
    page = SHARED.get(rule, rule)
    for what, line in {"table": rf"\| \[.+\]\({page}\.md\) \|.*", "toctree": page}.items():
        assert re.search(rf"^{line}$", index, re.MULTILINE), (
            f"the {what} of docs/mathematics/index.md does not lead to {page}.md"
        )
