"""Names that a user writes, and which of those that there are may have been meant."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import TYPE_CHECKING


def nearest(name: object, known: Collection[str]) -> str:
    """Return ``" (did you mean 'lr'?)"`` for a name that is close to a known one, else nothing."""
    if not isinstance(name, str):
        return ""
    import difflib

    by_initials = [
        each for each in known if _initials(name) == each or _initials(each) == name.lower()
    ]
    found = by_initials or difflib.get_close_matches(name.lower(), known, 1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def no_argument(cls: type[object], name: str, more: Collection[str]) -> TypeError:
    """Return the error of a constructor's argument that it does not have, with those that it has.

    The first of them is the parameters; `more` are those of its ``**kwargs``.
    """
    _, *declared = inspect.signature(cls).parameters.values()
    known = [*(each.name for each in declared if each.kind is not each.VAR_KEYWORD), *more]
    return TypeError(
        f"{cls.__name__}() has no argument {name!r}{nearest(name, known)}; "
        f"beside params it has {', '.join(known)}"
    )


def is_ours(cls: type[object]) -> bool:
    """Tell whether a class is of this library, not one that a user has derived."""
    return cls.__module__.startswith("instep.")


def may_be_set(cls: type[object], name: str) -> bool:
    """Tell whether an object of a class may have an attribute.

    Classes of users that derive from ours may have any; of one of ours, an unknown name is a slip.
    """
    return hasattr(cls, name) or name.startswith("_") or not is_ours(cls)


def no_attribute(cls: type[object], name: str, settable: Collection[str]) -> AttributeError:
    """Return the error of an attribute that may not be set, with those that may."""
    return AttributeError(
        f"{cls.__name__} has no attribute {name!r}{nearest(name, settable)}; to set there are "
        f"{', '.join(settable) or 'none'}, and what a class derived from it adds"
    )


class OwnAttributes:
    """Base of classes whose objects have no attribute that can be set."""

    __slots__ = ()

    if not TYPE_CHECKING:  # type checkers would take any name for one that can be set

        def __setattr__(self, name, value):
            if not may_be_set(type(self), name):
                raise no_attribute(type(self), name, ())
            super().__setattr__(name, value)


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.lower().split("_"))
