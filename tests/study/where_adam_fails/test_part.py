"""``instep study where-adam-fails``: what it tells and draws."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from instep.study.progress import Progress
from instep.study.where_adam_fails import part

if TYPE_CHECKING:
    from instep.study.report.findings import Findings


@pytest.fixture(scope="module")
def found() -> Findings:
    settings = argparse.Namespace(seed=0, quick=True)
    return part.run(settings, Progress())


def test_the_part_tells_what_it_measured(found: Findings) -> None:
    assert "SGD, line search, against Adam, default: lower loss on" in found.text
    assert {picture.name for picture in found.pictures} == {
        *("margins", "data", "step-sizes", "unique-features"),
    }
    training = list(found.curves[0].rows())
    # 8 problems, 6 optimizers with 5 rates and one line search, 5 epochs and the start.
    assert len(training) == 8 * 31 * 6
