"""State dictionaries of instep's own optimizers as torch's, and torch's as theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

import instep
from instep import _core
from instep.interop.torch.groups import as_number
from instep.interop.torch.shards import is_shard
from instep.interop.torch.tensors import STEPPED, array_of, tensor_of
from instep.optimizers import class_of
from instep.rule import Rule
from instep.storage import REST

_RULES = [class_of(name)._rule for name in _core.rules()]

# What torch.optim computes, by the options that it does not have.
_TORCH_FORM = {name: rule.defaults[name] for rule in _RULES for name in rule.not_in_torch}


def to_torch_state_dict(
    optimizer: instep.Optimizer | Mapping[str, Any], *, drop_in: bool = False
) -> dict[str, Any]:
    """Return instep's state dictionary as one that torch's optimizer of the same rule loads.

    Parameters
    ----------
    optimizer : instep.Optimizer or mapping
        An optimizer, or what its ``state_dict()`` returned.
    drop_in : bool
        The dictionary is for a class of :mod:`instep.interop.torch`, which has all of instep's
        options. ``torch.optim`` does not have `eps_hat`, `bias_correction` and `eps_inside_sqrt`,
        and would go on by another formula where they are in use.

    Returns
    -------
    dict
        A dictionary for ``torch.optim``'s ``load_state_dict``, of tensors of its own: for
        ``instep.AdamW`` that of ``torch.optim.AdamW``, for `instep.AMSGrad` that of the class
        `AMSGrad` of this module. Of a hyperparameter that is a callable it holds the last value.

    Raises
    ------
    ValueError
        When an option is in use that ``torch.optim`` does not have, and `drop_in` is False.

    Examples
    --------
    >>> import numpy as np, torch, instep
    >>> from instep.interop.torch import to_torch_state_dict
    >>> w = np.zeros(2, np.float32)
    >>> optimizer = instep.SGD(w, lr=0.5, momentum=0.5)
    >>> optimizer.step(np.ones(2, np.float32))
    >>> p = torch.zeros(2, requires_grad=True)
    >>> theirs = torch.optim.SGD([p])
    >>> theirs.load_state_dict(to_torch_state_dict(optimizer))
    >>> theirs.param_groups[0]["momentum"], theirs.state[p]
    (0.5, {'momentum_buffer': tensor([1., 1.])})
    """
    dictionary = optimizer if isinstance(optimizer, Mapping) else optimizer.state_dict()
    groups = [dict(group) for group in dictionary["param_groups"]]
    rule = _rule_of(groups[0])
    if not drop_in:
        for group in groups:
            _leave_out_own_options(group, rule)
    state: dict[Any, dict[str, Any]] = {}
    for key, values in dictionary["state"].items():
        if not values["step"] and not rule.initial_options():
            continue  # torch makes its own states at the first step
        arrays = {name: value for name, value in values.items() if name != "step"}
        counted = drop_in or rule.counted_by_torch
        tensors = {"step": torch.tensor(float(values["step"]))} if counted else {}
        tensors |= {name: tensor_of(np.array(array, order="K")) for name, array in arrays.items()}
        if tensors:
            state[key] = tensors
    return {"state": state, "param_groups": groups}


def from_torch_state_dict(
    optimizer: torch.optim.Optimizer | Mapping[str, Any],
) -> dict[str, Any]:
    """Return torch's state dictionary as one that instep's optimizer of the same rule loads.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer or mapping
        An optimizer of ``torch.optim`` or of this module, or what its ``state_dict()`` returned.
        That of ``SparseAdam`` is for `instep.Adam`. Tensors may be on any device.

    Returns
    -------
    dict
        A dictionary for `instep.Optimizer.load_state_dict`, of arrays of its own. Where instep has
        options that ``torch.optim`` does not have, it says the form that ``torch.optim`` computes.

    Raises
    ------
    TypeError
        When a state is of none of the types that are stepped.

    Examples
    --------
    >>> import numpy as np, torch, instep
    >>> from instep.interop.torch import from_torch_state_dict
    >>> p = torch.zeros(2, requires_grad=True)
    >>> theirs = torch.optim.SGD([p], lr=0.5, momentum=0.5)
    >>> p.sum().backward()
    >>> theirs.step()
    >>> optimizer = instep.SGD(np.zeros(2, np.float32), momentum=0.5)
    >>> optimizer.load_state_dict(from_torch_state_dict(theirs))
    >>> optimizer.lr, optimizer.state_dict()["state"][0]["momentum_buffer"].tolist()
    (0.5, [1.0, 1.0])
    """
    dictionary = optimizer if isinstance(optimizer, Mapping) else optimizer.state_dict()
    groups = []
    for group in dictionary["param_groups"]:
        numbers = {name: as_number(name, value) for name, value in group.items()}
        if _is_of_sparse_adam(group):
            numbers |= {"eps_hat": True, "weight_decay": 0.0, "amsgrad": False}
        groups.append({**_TORCH_FORM, **numbers})
    return {
        "state": {
            key: {
                name: _as_array(name, value, f"state[{key!r}]: {name}")
                for name, value in values.items()
            }
            for key, values in dictionary["state"].items()
        },
        "param_groups": groups,
    }


def _rule_of(group: Mapping[str, Any]) -> Rule:
    """Return the rule whose hyperparameters these are."""
    return min(_RULES, key=lambda rule: len(rule.hyperparameters.keys() ^ group.keys()))


def _leave_out_own_options(group: dict[str, Any], rule: Rule) -> None:
    for name in rule.not_in_torch:
        torchs = _TORCH_FORM[name]
        value = group.pop(name, torchs)
        if name in rule.initial_options():
            continue  # what began at this value goes along
        # Without eps, the two forms of Adam are one.
        if value != torchs and not (name == "eps_hat" and group["eps"] == 0):
            raise ValueError(
                f"{name}: expected {torchs}, which is what torch.optim computes, got {value}; pass "
                "drop_in=True and load it into a class of instep.interop.torch"
            )


def _is_of_sparse_adam(group: Mapping[str, Any]) -> bool:
    # Schedulers add keys of their own.
    return group.keys() >= {"betas", "maximize"} and not group.keys() & {"weight_decay", "amsgrad"}


def _as_array(name: str, value: Any, what: str) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    if is_shard(value):
        raise TypeError(
            f"{what}: expected a whole tensor, got a DTensor; pass what "
            "torch.distributed.checkpoint.state_dict.get_optimizer_state_dict returns with "
            "full_state_dict=True"
        )
    dtypes = (torch.int16,) if name == REST else STEPPED
    return np.array(array_of(value.detach().cpu(), what, dtypes), order="K")
