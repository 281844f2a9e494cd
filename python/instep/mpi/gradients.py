"""The gradients that a process passes, checked by it alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

import instep._core as _core
from instep.dlpack import is_array
from instep.numbers import check_integer
from instep.parameters import Array, Structure
from instep.storage import widens


def gradients_of(
    grads: object, params: Sequence[Array], names: Sequence[str | None], structure: Structure
) -> list[Array | None]:
    """Return the gradient of each parameter, or raise TypeError, ValueError or KeyError."""
    return [
        None if grad is None else _checked(grad, param, name, -1 if structure == "array" else k)
        for k, (grad, param, name) in enumerate(
            zip(_in_order(grads, names, structure), params, names, strict=True)
        )
    ]


def gradient_of(
    param: object, grad: object, params: Sequence[Array], names: Sequence[str | None]
) -> tuple[int, Array]:
    """Return a parameter's position, and its gradient, or raise as `gradients_of`."""
    position: int
    if isinstance(param, str):
        if param not in names:
            known = [name for name in names if name is not None]
            expected = f"one of {known}" if known else "a position, as parameters have no names"
            raise KeyError(f"param: expected {expected}, got {param!r}")
        position = names.index(param)
    else:
        position = check_integer("param", param, at_least=0, below=len(params))
    return position, _checked(grad, params[position], names[position], position)


def _in_order(grads: object, names: Sequence[str | None], structure: Structure) -> list[Any]:
    if structure == "array":
        return [grads]
    if isinstance(grads, Mapping) and None not in names:
        if set(grads) != set(names):
            raise KeyError(
                "gradients: expected one (or None) for each parameter's name; missing: "
                f"{[name for name in names if name not in grads]}, unexpected: "
                f"{[name for name in grads if name not in names]}"
            )
        return [grads[name] for name in names]
    if structure == "mapping":
        raise TypeError(
            "gradients: expected a mapping from each parameter's name to an array, got "
            f"{type(grads).__name__}"
        )
    if is_array(grads) or isinstance(grads, Mapping | str) or not isinstance(grads, Iterable):
        raise TypeError(
            f"gradients: expected a sequence of {len(names)} arrays, one for each parameter, got "
            f"{type(grads).__name__}"
        )
    arrays = list(grads)
    if len(arrays) != len(names):
        raise ValueError(
            f"gradients: expected {len(names)}, one (or None) for each parameter, got {len(arrays)}"
        )
    return arrays


def _checked(grad: Any, param: Array, name: str | None, position: int) -> Array:
    what = "gradient"
    if name is not None or position >= 0:
        what += f" of parameter {position if name is None else repr(name)}"
    if isinstance(grad, _core.RowGradient):
        raise TypeError(
            f"{what}: expected an array, as those of all processes are added up, got a "
            "RowGradient; pass an array with zeros in the other rows"
        )
    array: Any = _core.as_ndarray(grad, "gradient", name, position)
    if isinstance(array, np.generic):
        array = np.asarray(array)
    if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{what}: expected a numpy.ndarray, got {type(grad).__name__}")
    working = working_type(param)
    if not array.dtype.isnative or not widens(array.dtype.name, working.name):
        raise TypeError(
            f"{what}: expected {working.name}, or a type each number of which is one of it, got "
            f"{array.dtype}; pass grad.astype({working.name!r})"
        )
    if array.shape != param.shape:
        raise ValueError(f"{what}: expected shape {param.shape}, got {array.shape}")
    return array.view(np.ndarray)


def working_type(param: Array) -> np.dtype[Any]:
    """Return the type in which a parameter is stepped."""
    return np.dtype(np.float64 if param.dtype == np.float64 else np.float32)
