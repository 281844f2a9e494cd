"""The examples, of whose names tests make use."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

needs_examples = pytest.mark.skipif(
    not EXAMPLES.exists(), reason="the examples are not beside the tests"
)


@cache
def names_of(file: str) -> dict[str, Any]:
    """Return what an example defines."""
    return runpy.run_path(str(EXAMPLES / file))
