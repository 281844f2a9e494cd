"""What an optimizer does with all gradients of a step before its rule meets them."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    TypedDict,
    TypeVar,
    get_args,
    overload,
)

from instep.numbers import AT_LEAST_0, FINITE_ABOVE_0

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

Nonfinite: TypeAlias = Literal["propagate", "raise", "skip"]


class GradientOptions(TypedDict, total=False):
    """Keyword arguments of every optimizer; see `instep.Optimizer`."""

    clip_norm: float | None
    clip_value: float | None
    nonfinite: Nonfinite
    flush_subnormals: bool


DEFAULTS: GradientOptions = {
    "clip_norm": None,
    "clip_value": None,
    "nonfinite": "propagate",
    "flush_subnormals": False,
}


def check(options: Mapping[str, Any]) -> GradientOptions:
    """Return the options, all of them, or raise TypeError or ValueError."""
    given = {**DEFAULTS, **options}
    for name in ("clip_norm", "clip_value"):
        if given[name] is not None:
            given[name] = AT_LEAST_0.check(name, given[name])
    if given["nonfinite"] not in get_args(Nonfinite):
        raise ValueError(
            f"nonfinite: expected 'propagate', 'raise' or 'skip', got {given['nonfinite']!r}"
        )
    if not isinstance(given["flush_subnormals"], bool):
        raise TypeError(
            f"flush_subnormals: expected True or False, got {given['flush_subnormals']!r}"
        )
    return given  # type: ignore[return-value]


def check_grad_scale(value: object) -> float:
    """Return what gradients are divided by, or raise TypeError or ValueError."""
    return FINITE_ABOVE_0.check("grad_scale", value)


class HasGradientOptions(Protocol):
    """What has gradient options: an optimizer."""

    _gradient_options: GradientOptions

    def _change_gradient_options(self, changes: Mapping[str, object]) -> None:
        """Set some of them, all of these or, when one is refused, none."""


class GradientOption(Generic[T]):
    """An attribute that reads and sets one of an optimizer's gradient options."""

    def __set_name__(self, owner: type[object], name: str) -> None:
        if name not in DEFAULTS:
            raise LookupError(f"{name}: expected one of {', '.join(DEFAULTS)}")
        self._name = name
        self.__doc__ = f"Option `{name}`, which can be set between steps."

    @overload
    def __get__(self, optimizer: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, optimizer: HasGradientOptions, owner: type[object]) -> T: ...
    def __get__(self, optimizer: HasGradientOptions | None, owner: type[object]) -> Self | T:
        if optimizer is None:
            return self
        value: T = optimizer._gradient_options[self._name]  # type: ignore[literal-required]
        return value

    def __set__(self, optimizer: HasGradientOptions, value: T) -> None:
        optimizer._change_gradient_options({self._name: value})
