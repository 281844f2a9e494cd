"""What the how-to pages define, to be tried further than a page does."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.documents.blocks import ROOT, missing_modules, parse


@cache
def recipe(page: str) -> dict[str, Any]:
    """Return the names that a how-to page has when all its blocks have run.

    Skip the test where the page's libraries are not installed.
    """
    path = ROOT / "docs" / "how-to" / f"{page}.md"
    if missing := missing_modules(path):
        pytest.skip(f"the page needs {', '.join(missing)}")
    document = parse(path)
    for example in document.examples():
        example.evaluate()
    return document.namespace
