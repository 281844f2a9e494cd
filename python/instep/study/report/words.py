"""Numbers, names and lists as they stand in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def spoken(title: str) -> str:
    """Return an optimizer's title without a comma, which would break a list.

    >>> spoken("SGD, momentum")
    'SGD with momentum'
    """
    return title.replace(", ", " with ")


def listed(words: Iterable[str]) -> str:
    """Join words, of which there is at least one.

    >>> listed(["SGD", "Adam", "RMSprop"])
    'SGD, Adam and RMSprop'
    """
    *head, last = words
    return f"{', '.join(head)} and {last}" if head else last
