"""From what a user passes as parameters to flat groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from numpy.typing import NDArray

import instep._core as _core
from instep.dlpack import AnyArray, SupportsDLPack

Array: TypeAlias = NDArray[Any]
Group: TypeAlias = Mapping[str, Any]
Params: TypeAlias = AnyArray | Mapping[str, AnyArray] | Iterable[AnyArray] | Iterable[Group]

Structure: TypeAlias = Literal["array", "sequence", "mapping"]
"""How gradients are passed."""


class FlatGroup(NamedTuple):
    """The parameters of one group, their names where they have any, and the group's own options."""

    params: list[AnyArray]
    names: list[str] | None
    options: dict[str, object]


class ExistingGroup(NamedTuple):
    """A group of parameters with states that exist, by name, and all its hyperparameters."""

    params: Sequence[Array]
    names: list[str] | None
    values: Mapping[str, object]
    states: Sequence[Mapping[str, Array]]
    """Of each parameter."""


def flatten(params: Params) -> tuple[list[FlatGroup], Structure]:
    """Return the groups that `params` stands for, and the structure of its gradients."""
    if isinstance(params, SupportsDLPack):
        return [FlatGroup([params], None, {})], "array"
    if isinstance(params, Mapping):
        return [_named(params, {})], "mapping"
    items = _as_list(params)
    if items and all(isinstance(item, Mapping) for item in items):
        return [flatten_group(item) for item in items], "sequence"
    return [FlatGroup(items, None, {})], "sequence"


def flatten_group(group: Group) -> FlatGroup:
    """Return the group that a mapping with ``"params"`` and options describes."""
    if not isinstance(group, Mapping):
        raise TypeError(
            f"parameter group: expected a mapping with 'params', got {type(group).__name__}"
        )
    if "params" not in group:
        raise KeyError(f"parameter group: expected the key 'params', got {list(group)}")
    options = {name: value for name, value in group.items() if name != "params"}
    params = group["params"]
    if isinstance(params, Mapping):
        return _named(params, options)
    if isinstance(params, SupportsDLPack):
        return FlatGroup([params], None, options)
    return FlatGroup(_as_list(params), None, options)


def as_arrays(group: FlatGroup, structure: Structure, first: int) -> list[Array]:
    """Return a group's parameters, those of other libraries as the ndarrays that see them.

    The position of its first parameter is for messages. What is no array at all stays what it is.
    """
    names = [None] * len(group.params) if group.names is None else group.names
    return [
        _core.as_ndarray(param, "parameter", name, -1 if structure == "array" else position)
        for position, (name, param) in enumerate(zip(names, group.params, strict=True), first)
    ]


def _named(params: Mapping[str, AnyArray], options: dict[str, object]) -> FlatGroup:
    for name in params:
        if not isinstance(name, str):
            raise TypeError(f"parameter names: expected strings, got {name!r}")
    return FlatGroup(list(params.values()), list(params), options)


def _as_list(params: object) -> list[Any]:
    if isinstance(params, str | bytes) or not isinstance(params, Iterable):
        raise TypeError(
            "parameters: expected a numpy.ndarray, a sequence of them, a mapping from names to "
            f"them, or a sequence of groups, got {type(params).__name__}"
        )
    return list(params)


def check_names(groups: Sequence[list[str] | None]) -> None:
    """Raise ValueError when two parameters have the same name."""
    seen: set[str] = set()
    for name in (name for names in groups for name in names or ()):
        if name in seen:
            raise ValueError(f"parameter {name!r}: expected another name, this one is taken")
        seen.add(name)
