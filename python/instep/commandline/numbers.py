"""Numbers on the command line."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Number = TypeVar("Number", int, float)


def natural(text: str) -> int:
    """Read a whole number from 0 on."""
    return _at_least(0, int, "a whole number", text)


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    return _at_least(1, int, "a whole number", text)


def nonnegative(text: str) -> float:
    """Read a finite number from 0 on."""
    return _at_least(0.0, float, "a finite number", text)


def _at_least(least: Number, kind: Callable[[str], Number], noun: str, text: str) -> Number:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected {noun}, at least {least:g}, got {text!r}")
    return value
