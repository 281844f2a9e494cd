"""``instep study sparse``: what it must show."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

import pytest

from instep.study.progress import Progress
from instep.study.sparse import part
from instep.study.sparse.exact_zeros import STRENGTHS
from instep.study.sparse.learning import LEARNERS

if TYPE_CHECKING:
    from instep.study.report.findings import Findings


@pytest.fixture(scope="module")
def findings() -> Findings:
    return part.run(argparse.Namespace(seed=0, quick=True), Progress())


def test_adagrad_wins_where_rare_words_tell_and_not_where_frequent_do(findings: Findings) -> None:
    sentences = dict(
        re.findall(r"- (\w+) words tell: .* Adagrad's online loss is (.*)", findings.text)
    )
    assert re.match(r"\d\d\.\d% lower", sentences["Rare"])
    assert re.match(r"\d\.\d% higher", sentences["Frequent"])


def test_no_best_rate_at_the_edge_of_its_grid(findings: Findings) -> None:
    assert "edge of the grid" not in findings.text
    assert findings.text.count("words tell | ") == 3 * (len(LEARNERS) + len(STRENGTHS))


def test_ftrl_finds_the_words_that_tell_where_these_are_few(findings: Findings) -> None:
    kept, telling = re.search(  # type: ignore[union-attr]
        r"- Frequent words tell: of 2,000 weights .* FTRL leaves (\d+) .* (\d+) are among FTRL's\.",
        findings.text,
    ).groups()
    assert int(kept) < 300
    assert int(telling) > 90
