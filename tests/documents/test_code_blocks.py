"""Every code block that a reader may copy works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import instep
from tests.documents.blocks import PAGES, ROOT, missing_modules, parse


@pytest.fixture(autouse=True)
def _free_threads() -> Iterator[None]:
    """Let no page decide how many threads the steps of the next tests take."""
    yield
    instep.set_num_threads(None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_blocks(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing := missing_modules(page):
        pytest.skip(f"the page needs {', '.join(missing)}")
    monkeypatch.chdir(tmp_path)
    for example in parse(page).examples():
        example.evaluate()
