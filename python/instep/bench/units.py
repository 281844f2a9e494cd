"""Numbers for people."""

from __future__ import annotations

import math


def significant(value: float) -> str:
    """Return a positive number to three significant digits, two of them after 0 point something."""
    rounded = float(f"{value:.3g}")
    decimals = 2 - math.floor(math.log10(rounded))
    return f"{rounded:,.{min(max(decimals, 0), 2)}f}"


def duration(seconds: float) -> str:
    """Return a time to three digits, in the unit that suits it."""
    rounded = float(f"{seconds:.3g}")
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if rounded * scale >= 1:
            return f"{significant(rounded * scale)} {unit}"
    return f"{significant(rounded * 1e9)} ns"
