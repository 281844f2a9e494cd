"""State dictionaries in the layout of ``torch.optim``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from instep.numbers import as_float, check_count
from instep.param_group import ParamGroup
from instep.parameters import Array
from instep.rule import Rule
from instep.storage import REST, check_seed, widens

_NOT_IN_OLDER_TORCH = ("decoupled_weight_decay", "maximize")


class Loaded(NamedTuple):
    """The content of a dictionary that fits."""

    options: list[dict[str, object]]
    """Of each group."""
    states: list[dict[str, Array]]
    """Of each parameter; empty for one that was never stepped."""
    scalars: list[list[float]]
    """The same, in the rule's order."""
    param_steps: list[int]
    train_modes: list[bool]
    """Of each group, True where groups of such an optimizer have no mode."""
    steps: int
    seed: int | None
    """None where it says nothing of it."""


def write_state_dict(
    groups: Sequence[ParamGroup],
    values: Sequence[Mapping[str, Any]],
    states: Sequence[Mapping[str, Array]],
    steps: int,
    param_steps: Sequence[int],
    scalars: Sequence[Mapping[str, float]],
    seed: int,
) -> dict[str, Any]:
    """Return a state dictionary of these very states."""
    first = 0
    param_groups = []
    for group, hyperparameters in zip(groups, values, strict=True):
        positions = list(range(first, first + len(group.params)))
        first += len(positions)
        named = {} if group.names is None else {"param_names": list(group.names)}
        param_groups.append({**hyperparameters, **named, "params": positions})
    return {
        "state": {
            k: {"step": step, **numbers, **arrays}
            for k, (step, numbers, arrays) in enumerate(
                zip(param_steps, scalars, states, strict=True)
            )
        },
        "param_groups": param_groups,
        "steps": steps,
        "seed": seed,
    }


def read_state_dict(
    state_dict: object,
    groups: Sequence[ParamGroup],
    states: Sequence[Mapping[str, Array]],
    rule: Rule,
) -> Loaded:
    """Return what a dictionary holds, for an optimizer with these groups and states.

    Hyperparameters are not checked here. Raises TypeError, ValueError or KeyError when the rest
    does not fit.
    """
    top = as_mapping(state_dict, "state_dict")
    ids = read_ids(top, groups)
    options = [
        _read_options(saved, group, rule, f"param_groups[{k}]")
        for k, (group, saved) in enumerate(zip(groups, top["param_groups"], strict=True))
    ]

    train_modes = [
        _read_mode(each.pop("train_mode", True), f"param_groups[{k}]")
        for k, each in enumerate(options)
    ]

    saved_states = as_mapping(_get(top, "state", "state_dict"), "state")
    try:
        unknown = set(saved_states) - set(ids)
        duplicate = len(set(ids)) != len(ids)
    except TypeError:
        raise TypeError("params: expected the keys of 'state'") from None
    if unknown:
        raise ValueError(f"state: expected keys among {ids}, got also {sorted(unknown, key=str)}")
    if duplicate:
        raise ValueError(f"params: expected each position once, got {ids}")

    steps = check_count("steps", top["steps"]) if "steps" in top else None
    seed = check_seed(top["seed"]) if "seed" in top else None
    loaded_states, loaded_scalars, param_steps = [], [], []
    for id_, label, expected in zip(ids, labels(groups), states, strict=True):
        where = f"state[{id_!r}]"
        saved = as_mapping(saved_states.get(id_, {}), where)
        scalars = _read_scalars(saved, rule.scalars, where)
        saved = {name: value for name, value in saved.items() if name not in rule.scalars}
        arrays = _read_arrays(saved, expected, f"{where} (parameter {label})")
        if "step" in saved:
            step = check_count(f"{where}['step']", saved["step"])
        elif not arrays:
            step = 0
        elif not rule.counted_by_torch:
            step = max(1, steps or 0)  # that there are states tells that it was stepped
        else:
            raise KeyError(f"{where}: expected also 'step'")
        if not scalars and rule.scalars and (arrays or step):
            raise KeyError(f"{where}: expected also {', '.join(rule.scalars)}")
        loaded_states.append(arrays)
        loaded_scalars.append(scalars)
        param_steps.append(step)
    if steps is None:
        steps = max(param_steps, default=0)
    return Loaded(options, loaded_states, loaded_scalars, param_steps, train_modes, steps, seed)


def read_ids(top: Mapping[str, Any], groups: Sequence[ParamGroup]) -> list[Any]:
    """Return the key in ``"state"`` of each parameter of an optimizer with these groups.

    Where a group and the saved one have names, these decide, else the order does. Raises TypeError,
    ValueError or KeyError when the parameters are others.
    """
    saved_groups = _get(top, "param_groups", "state_dict")
    if isinstance(saved_groups, str | Mapping) or not isinstance(saved_groups, Sequence):
        raise TypeError(f"param_groups: expected a list, got {type(saved_groups).__name__}")
    if len(saved_groups) != len(groups):
        raise ValueError(f"param_groups: expected {len(groups)}, got {len(saved_groups)}")
    return [
        id_
        for k, (group, saved) in enumerate(zip(groups, saved_groups, strict=True))
        for id_ in _ids_of_group(as_mapping(saved, f"param_groups[{k}]"), group, k)
    ]


def labels(groups: Sequence[ParamGroup]) -> list[str]:
    """Return what messages call each parameter: its name, or its position where it has none."""
    found: list[str] = []
    for group in groups:
        positions = range(len(found), len(found) + len(group.params))
        found += map(str, positions) if group.names is None else map(repr, group.names)
    return found


def _ids_of_group(saved: Mapping[str, Any], group: ParamGroup, k: int) -> list[Any]:
    where = f"param_groups[{k}]"
    params = _get(saved, "params", where)
    if isinstance(params, str) or not isinstance(params, Sequence):
        raise TypeError(f"{where}['params']: expected a list, got {type(params).__name__}")
    if len(params) != len(group.params):
        raise ValueError(
            f"{where}['params']: expected {len(group.params)} parameters, got {len(params)}"
        )
    names = saved.get("param_names")
    if names is None or group.names is None:
        return list(params)
    names = list(names)
    if len(names) != len(group.names) or set(names) != set(group.names):
        raise ValueError(f"{where}['param_names']: expected {group.names}, got {names}")
    by_name = dict(zip(names, params, strict=True))
    return [by_name[name] for name in group.names]


def _read_options(
    saved: Mapping[str, Any], group: ParamGroup, rule: Rule, where: str
) -> dict[str, object]:
    options = {name: saved[name] for name in group if name != "params" and name in saved}
    missing = set(group) - {*options, *rule.not_in_torch, *_NOT_IN_OLDER_TORCH, "params"}
    if missing:
        raise KeyError(f"{where}: expected also {', '.join(sorted(missing))}")
    return options


def _read_mode(value: object, where: str) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{where}['train_mode']: expected True or False, got {value!r}")
    return bool(value)


def _read_arrays(
    saved: Mapping[str, Any], expected: Mapping[str, Array], where: str
) -> dict[str, Array]:
    arrays = {name: array for name, array in saved.items() if name != "step" and array is not None}
    unexpected = arrays.keys() - expected.keys()
    if unexpected:
        raise ValueError(
            f"{where}: expected the states {sorted(expected)}, got also {sorted(unexpected)}"
        )
    missing = expected.keys() - arrays.keys() - {REST}
    if missing and (arrays or saved.get("step", 0) != 0):
        raise KeyError(f"{where}: expected also the states {sorted(missing)}")
    for name, array in arrays.items():
        like = expected[name]
        what = f"{where}: {name}"
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            raise TypeError(f"{what}: expected a numpy.ndarray, got {type(array).__name__}")
        if array.dtype != like.dtype and not widens(array.dtype.name, like.dtype.name):
            raise TypeError(f"{what}: expected dtype {like.dtype}, got {array.dtype}")
        if array.shape != like.shape:
            raise ValueError(f"{what}: expected shape {like.shape}, got {array.shape}")
    return arrays


def _read_scalars(saved: Mapping[str, Any], names: Sequence[str], where: str) -> list[float]:
    """Return the numbers that a parameter has beside its step count; empty where there are none."""
    if not any(name in saved for name in names):
        return []
    missing = [name for name in names if name not in saved]
    if missing:
        raise KeyError(f"{where}: expected also {', '.join(missing)}")
    return [_read_scalar(saved[name], f"{where}[{name!r}]") for name in names]


def _read_scalar(value: object, what: str) -> float:
    number = as_float(value)  # torch's are arrays without axes
    if number is None:
        raise TypeError(f"{what}: expected a number, got {value!r}")
    return number


def as_mapping(value: object, what: str) -> Mapping[Any, Any]:
    """Return `value`, which messages call `what`, or raise TypeError."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{what}: expected a mapping, got {type(value).__name__}")
    return value


def _get(mapping: Mapping[Any, Any], key: str, what: str) -> Any:
    if key not in mapping:
        raise KeyError(f"{what}: expected the key {key!r}, got {list(mapping)}")
    return mapping[key]
