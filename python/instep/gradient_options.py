"""What an optimizer does with all gradients of a step before its rule meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, get_args

from instep.numbers import AT_LEAST_0, FINITE_ABOVE_0

if TYPE_CHECKING:
    from collections.abc import Mapping

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
