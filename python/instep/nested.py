"""From nested containers of arrays to one mapping of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from instep.dlpack import SupportsDLPack
from instep.parameters import check_memory
from instep.row_gradient import RowGradient


def flatten(tree: object) -> dict[str, Any]:
    """Return the arrays of nested containers by dotted names, such as ``"layers.0.w"``.

    Of a model's parameters it is what an optimizer is made with, and of gradients in the same
    structure what it is stepped with. Arrays are passed on as they are, none is copied.

    Parameters
    ----------
    tree : mapping, list, tuple, or instance of a dataclass
        What holds arrays and further such containers: mappings by keys that are strings or
        integers, dataclasses and named tuples by their fields, lists and other tuples by positions.

    Returns
    -------
    dict
        The leaves in the order in which they stand in the tree, by the keys, fields and positions
        that lead to them, joined by dots. A leaf is an ndarray, a NumPy scalar, another library's
        array that exports DLPack, a `RowGradient`, or None: a gradient of None skips its parameter,
        and a parameter of None is refused when the optimizer is made. Containers without leaves
        leave no trace.

    Raises
    ------
    TypeError
        When anything else is found, such as a number or a string, or a key of another type: the
        message says where. What is not to be stepped does not belong into the tree. Also when a
        mapping hands out a new array at each look, as an archive of NumPy does.
    ValueError
        When two leaves would have one name, as those of ``{"a": {"b": x}, "a.b": y}``.

    Examples
    --------
    >>> import numpy as np, instep
    >>> model = {"layers": [{"w": np.ones((2, 3)), "b": np.zeros(3)}], "scale": np.ones(1)}
    >>> list(instep.flatten(model))
    ['layers.0.w', 'layers.0.b', 'scale']
    >>> optimizer = instep.SGD(instep.flatten(model), lr=0.5)
    >>> gradients = {"layers": [{"w": np.ones((2, 3)), "b": None}], "scale": np.ones(1)}
    >>> optimizer.step(instep.flatten(gradients))
    >>> model["layers"][0]["w"]
    array([[0.5, 0.5, 0.5],
           [0.5, 0.5, 0.5]])
    """
    if _is_leaf(tree):
        raise TypeError(
            f"tree: expected arrays in mappings, lists, tuples or dataclasses, got {_kind(tree)}; "
            "pass an array by itself to the optimizer as it is"
        )
    flat: dict[str, Any] = {}
    for name, leaf in _leaves(tree, ""):
        if name in flat:
            raise ValueError(
                f"{name!r}: expected one leaf of this name, got two; rename one of their keys"
            )
        flat[name] = leaf
    return flat


def _is_leaf(value: object) -> bool:
    return value is None or isinstance(value, SupportsDLPack | np.generic | RowGradient)


def _leaves(tree: object, name: str) -> Iterator[tuple[str, object]]:
    if _is_leaf(tree):
        yield name, tree
        return
    for key, value in _items(tree, name):
        yield from _leaves(value, _inside(name, key))


def _inside(name: str, key: str | int) -> str:
    return f"{name}.{key}" if name else str(key)


def _items(tree: object, name: str) -> Iterator[tuple[str | int, object]]:
    """Return what a container holds, and what each is called in it."""
    if isinstance(tree, Mapping):
        for key in tree:
            if not isinstance(key, str | int):
                raise TypeError(
                    f"{_place(name)}: expected keys that are strings or integers, got {key!r}"
                )
        if type(tree) is not dict:
            names = [_inside(name, key) for key in tree]
            check_memory(tree.values(), tree.values(), names, tree, "dict")
        return iter(tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return zip(tree._fields, tree, strict=True)
    if isinstance(tree, list | tuple):
        return enumerate(tree)
    if is_dataclass(tree) and not isinstance(tree, type):
        return ((field.name, getattr(tree, field.name)) for field in fields(tree))
    raise TypeError(
        f"{_place(name)}: expected an array, None, or a mapping, list, tuple or dataclass of them, "
        f"got {_kind(tree)}; leave out what is not to be stepped"
    )


def _place(name: str) -> str:
    return repr(name) if name else "tree"


def _kind(value: object) -> str:
    return type(value).__name__
