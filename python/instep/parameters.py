"""From what a user passes as parameters to flat groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

import instep._core as _core
from instep.dlpack import AnyArray, is_array

Array: TypeAlias = NDArray[Any]
Group: TypeAlias = Mapping[str, Any]
Params: TypeAlias = AnyArray | Mapping[str, AnyArray] | Iterable[AnyArray] | Iterable[Group]

Copies: TypeAlias = AnyArray | Mapping[str, AnyArray | None] | Iterable[AnyArray | None] | None

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
    numbers: Sequence[int]
    """Of each parameter: that of which its random bits are a function."""


def flatten_groups(params: Params) -> tuple[list[FlatGroup], Structure]:
    """Return the groups that `params` stands for, and the structure of its gradients."""
    if is_array(params):
        return [FlatGroup([cast("AnyArray", params)], None, {})], "array"
    if isinstance(params, Mapping):
        if isinstance(params.get("params"), list | tuple):
            raise TypeError(
                "parameters: expected a sequence of groups, got one group by itself; pass [group]"
            )
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
        raise KeyError(
            f"parameter group: expected the key 'params', got {list(group)}; of layers with arrays "
            "of their own pass instep.flatten(...), of parameters and gradients alike"
        )
    options = {name: value for name, value in group.items() if name != "params"}
    params = group["params"]
    if isinstance(params, Mapping):
        return _named(params, options)
    if is_array(params):
        return FlatGroup([params], None, options)
    return FlatGroup(_as_list(params), None, options)


def in_place_of(
    params: Params, names: Sequence[str | None], structure: Structure
) -> Sequence[AnyArray]:
    """Return the arrays that are to take the place of those of these names, in their order.

    They are passed as gradients are, in this structure.
    """
    if structure == "array":
        return [cast("AnyArray", params)]
    if structure == "mapping" or (isinstance(params, Mapping) and None not in names):
        if not isinstance(params, Mapping):
            raise TypeError(
                "parameters: expected a mapping from each parameter's name to an array, got "
                f"{type(params).__name__}"
            )
        group = _named(params, {})
        given = dict(zip(group.names or (), group.params, strict=True))
        if given.keys() != set(names):
            raise KeyError(
                "parameters: expected one for each parameter's name; "
                f"missing: {[name for name in names if name not in given]}, "
                f"unexpected: {[name for name in given if name not in names]}"
            )
        return [given[name] for name in names if name is not None]
    expected = f"parameters: expected a sequence of {len(names)} arrays, as the groups have"
    if is_array(params) or isinstance(params, Mapping):
        raise TypeError(f"{expected}, got {type(params).__name__}")
    arrays = _as_list(params)
    if len(arrays) != len(names):
        raise ValueError(f"{expected}, got {len(arrays)}")
    return arrays


def copies_of(
    copies: Copies, groups: Sequence[FlatGroup], structure: Structure
) -> list[AnyArray | None]:
    """Return what gets each parameter of new groups, None where nothing does."""
    names: list[str | None] = []
    for group in groups:
        names.extend(group.names or [None] * len(group.params))
    if copies is None:
        return [None] * len(names)
    if structure == "array":
        return [cast("AnyArray", copies)]
    if isinstance(copies, Mapping):
        known = [name for name in names if name is not None]
        if len(known) != len(names) or set(copies) != set(known):
            raise KeyError(
                "copies: expected one (or None) for each parameter's name, "
                f"{known}, got {list(copies)}"
            )
        return [copies[name] for name in known]
    if structure == "mapping" or is_array(copies) or not isinstance(copies, Iterable):
        kind = "mapping" if structure == "mapping" else "sequence"
        raise TypeError(
            f"copies: expected a {kind} as the parameters have, got {type(copies).__name__}"
        )
    arrays: list[Any] = list(copies)
    if len(arrays) != len(names):
        raise ValueError(
            f"copies: expected {len(names)}, one (or None) for each parameter, got {len(arrays)}"
        )
    return arrays


def as_arrays(
    params: Sequence[AnyArray], names: Sequence[str | None], structure: Structure, first: int = 0
) -> list[Array]:
    """Return parameters, those of other libraries as the ndarrays that see them.

    The position of the first is for messages. What is no array at all stays what it is.
    """
    return [
        _core.as_ndarray(param, "parameter", name, -1 if structure == "array" else position)
        for position, (name, param) in enumerate(zip(names, params, strict=True), first)
    ]


def _named(params: Mapping[str, AnyArray], options: dict[str, object]) -> FlatGroup:
    for name in params:
        if not isinstance(name, str):
            raise TypeError(
                f"parameter names: expected strings, got {name!r}; pass {str(name)!r} as its name, "
                "or a list of the arrays"
            )
    names = list(params)
    arrays = [params[name] for name in names]
    if type(params) is not dict:
        check_memory(arrays, (params[name] for name in names), names, params, "dict")
    return FlatGroup(arrays, names, options)


def _as_list(params: object) -> list[Any]:
    if isinstance(params, str | bytes) or not isinstance(params, Iterable):
        advice = "; pass the arrays to step first, then lr=0.1" if isinstance(params, Real) else ""
        raise TypeError(
            "parameters: expected a numpy.ndarray, a sequence of them, a mapping from names to "
            f"them, or a sequence of groups, got {type(params).__name__}{advice}"
        )
    items = list(params)
    if not isinstance(params, list | tuple | Iterator):
        check_memory(items, params, [None] * len(items), params, "list")
    return items


def check_memory(
    arrays: Iterable[object],
    again: Iterable[object],
    names: Sequence[str | None],
    params: object,
    kind: str,
) -> None:
    """Raise TypeError where what was passed hands out other memory each time that it is asked."""
    for position, (name, *both) in enumerate(zip(names, arrays, again, strict=False)):
        first, second = (_address(each, name, position) for each in both)
        if first != second:
            label = position if name is None else repr(name)
            raise TypeError(
                f"parameter {label}: expected the same memory each time, but "
                f"{type(params).__name__} hands out a new array, and a step would change one that "
                f"nobody sees; keep {kind}(...) of it, and pass that"
            )


def _address(value: Any, name: str | None, position: int) -> object:
    """Return where an array's memory is; None of what is no array."""
    array: Any = _core.as_ndarray(value, "parameter", name, position)
    return array.__array_interface__["data"][0] if isinstance(array, np.ndarray) else None


def everywhere(value: float, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array of one number, which takes the memory of one element, not to be written."""
    # numpy.broadcast_to raises something else than MemoryError where memory runs out.
    return np.ndarray(shape, dtype, np.array(value, dtype), strides=(0,) * len(shape))


def check_names(groups: Sequence[list[str] | None]) -> None:
    """Raise ValueError when two parameters have the same name."""
    seen: set[str] = set()
    for name in (name for names in groups for name in names or ()):
        if name in seen:
            raise ValueError(f"parameter {name!r}: expected another name, this one is taken")
        seen.add(name)
