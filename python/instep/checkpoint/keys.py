"""The keys of `instep.Keyed`, which a file has as JSON."""

from __future__ import annotations

from typing import Any, TypeAlias, Union

Key: TypeAlias = Union[str, int, "tuple[Key, ...]"]


def check_key(key: object) -> None:
    """Raise TypeError unless it is one."""
    if isinstance(key, tuple):
        for each in key:
            check_key(each)
    elif type(key) not in (str, int):
        raise TypeError(f"key: expected str, int or a tuple of them, got {key!r}")


def key_of(text: str) -> Key:
    """Return the key that was written as JSON."""
    from instep.checkpoint.format import parse_json

    def as_key(value: Any) -> Key:
        return tuple(map(as_key, value)) if isinstance(value, list) else value

    try:
        key = as_key(parse_json(text))
        check_key(key)
    except RecursionError:
        raise ValueError("expected a key of few levels, its tuples are too deep") from None
    return key
