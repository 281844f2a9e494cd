"""What the how-to pages define, to be tried further than a page does."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.documents.blocks import ROOT, parse


@cache
def recipe(page: str) -> dict[str, Any]:
    """Return the names that a how-to page has when all its blocks have run."""
    document = parse(ROOT / "docs" / "how-to" / f"{page}.md")
    for example in document.examples():
        example.evaluate()
    return document.namespace
