"""Paragraphs that many docstrings share, each written once.

A docstring has ``%(name)s`` on a line of its own where such a paragraph stands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

_EVERYWHERE = {
    "maximize": """
        maximize : bool
            Ascend instead of descend.
        """,
}


def fill(documented: T, paragraphs: Mapping[str, str]) -> T:
    """Put the paragraphs into the docstring of a class or a function, and return it."""
    if documented.__doc__ is not None:
        text = inspect.cleandoc(documented.__doc__)
        for name, paragraph in {**_EVERYWHERE, **paragraphs}.items():
            if f"%({name})s" in text:
                text = text.replace(f"%({name})s", inspect.cleandoc(paragraph))
        documented.__doc__ = f"{text}\n"
    return documented
