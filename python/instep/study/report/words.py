"""Numbers, names, lists and tables as they stand in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float) -> str:
    """Spell `value` with two digits.

    >>> number(0.0123), number(1.5e-9), number(1e-12), number(0), number(float("inf"))
    ('0.012', '1.5·10⁻⁹', '10⁻¹²', '0', 'inf')
    """
    digits, _, exponent = f"{value:.2g}".partition("e")
    if not exponent:
        return digits
    power = f"10{str(int(exponent)).translate(_RAISED)}"
    return power if digits == "1" else f"{digits}·{power}"


def significant(value: float, digits: int = 3) -> str:
    """Spell `value` with so many digits, trailing zeros too, also one that is not finite.

    >>> significant(0.012345), significant(3e12), significant(float("nan"))
    ('0.0123', '3.00e+12', 'nan')
    """
    return f"{value:#.{digits}g}"


def signed(value: float, decimals: int = 3) -> str:
    """Spell `value` with its sign.

    >>> signed(0.25), signed(-1, 1)
    ('+0.250', '−1.0')
    """
    return f"{value:+.{decimals}f}".replace("-", "−")


def spoken(title: str) -> str:
    """Return an optimizer's title without a comma, which would break a list.

    >>> spoken("SGD, momentum")
    'SGD with momentum'
    """
    return title.replace(", ", " with ")


def capitalised(title: str) -> str:
    """Return a title as it begins a sentence.

    >>> capitalised("digits of scikit-learn")
    'Digits of scikit-learn'
    """
    return title[:1].upper() + title[1:]


def listed(names: Iterable[str]) -> str:
    """Join names as a sentence does.

    >>> listed(["Adam"]), listed(["Adam", "SGD"]), listed(["Adam", "SGD", "RMSprop"])
    ('Adam', 'Adam and SGD', 'Adam, SGD and RMSprop')
    """
    *others, last = [*names] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose columns but the first are aligned to the right."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rule, *rows))
