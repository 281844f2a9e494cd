"""A torch parameter and its state as instep's optimizer holds them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, TypeAlias

import torch

from instep.interop.torch.form import Form, new_tensor_count, scalar_dtype
from instep.interop.torch.shards import is_shard, local_of
from instep.interop.torch.storage import DropInStorage
from instep.interop.torch.tensors import STEPPED, array_of, dtype_of, tensor_of
from instep.parameters import Array
from instep.storage import PARAM_SLOT, REST

State: TypeAlias = MutableMapping[str, Any]

_DTYPES = {REST: (torch.int16,), "step": (torch.float32, torch.float64)}
"""Of the tensors that hold no numbers of a rule."""


class Joined:
    """A parameter and its state, as instep's optimizer and its watch get them."""

    def __init__(self, param: torch.Tensor, group: int, name: object, number: int) -> None:
        self.param = param
        self.group = group
        self.name = name
        # Among all of the torch optimizer.
        self.number = number
        self.array: Array = array_of(param, self.what("parameter"))
        # Of a DTensor, this process's.
        self.share: torch.Tensor | None = local_of(param) if is_shard(param) else None
        self.tensors: dict[str, torch.Tensor] = {}
        # The count of steps: in NumPy's view of one of the tensors, where it is one.
        self.step_array: Array | None = None
        self.counts: bool = False
        self.count: int = 0
        # The numbers beside it, in NumPy's views of the tensors.
        self.scalars: list[Array] = []
        # What the torch optimizer gets once the first step was taken.
        self.new: dict[str, Any] = {}

    def what(self, role: str) -> str:
        """Say what a tensor is, in messages, as the core does."""
        of = "" if role == "parameter" else "of parameter "
        return f"{role} {of}{self.name!r}"

    def take(self, name: str, tensor: torch.Tensor) -> Array:
        """Return the memory of one of the state's tensors, which it is from now on."""
        array = array_of(tensor, self.what(name), _DTYPES.get(name, STEPPED))
        self.tensors[name] = tensor
        return array

    def take_step(self, step: Any) -> None:
        """Read the count of steps, and remember where it is."""
        self.counts = True
        if isinstance(step, torch.Tensor):
            self.step_array = self.take("step", step)
            step = self.step_array.item()
        if not (step >= 0 and float(step).is_integer()):
            raise ValueError(f"{self.what('step')}: expected a count from 0, got {step}")
        self.count = int(step)

    def take_scalar(self, name: str, scalar: Any) -> None:
        """Read a number that the rule has beside the count, and remember where it is."""
        if not isinstance(scalar, torch.Tensor) or scalar.numel() != 1:
            raise TypeError(f"{self.what(name)}: expected a tensor of one number, got {scalar!r}")
        self.tensors[name] = scalar
        self.scalars.append(array_of(scalar, self.what(name), _DTYPES["step"]))


def join_states(
    form: Form, storage: DropInStorage, joined: Joined, values: Mapping[str, Any], state: State
) -> dict[str, Array]:
    """Return the memory of the states; of a new state, what they hold before the first step."""
    if joined.share is not None and form.rule.reduced_states:
        raise TypeError(
            f"{joined.what('parameter')}: expected a whole tensor, as a step depends on all of it, "
            "got a DTensor, of which this process has a share; leave it to torch.optim"
        )
    wanted = form.rule.present_states(values, joined.array.shape)
    present = {name: value for name, value in state.items() if value is not None}
    has_rest = storage.has_rest(joined.array.dtype, joined.what("parameter"))
    if REST in present and not has_rest:
        raise ValueError(
            f"{joined.what(REST)}: expected none, as the optimizer keeps no masters; make it with "
            "master_weight_bits=32"
        )
    counts = form.new_count is not None
    new_count = form.new_count
    if new_count is None and _takes_random_bits(form, storage, joined, wanted, present):
        new_count = new_tensor_count
    scalars = form.rule.scalars
    if present.keys() >= {*wanted, *scalars} and (not counts or "step" in present):
        if "step" in present:
            joined.take_step(present["step"])
        else:
            joined.count = 1 if wanted else 0  # what counts is whether it is the first step
            if new_count is not None:
                joined.new["step"] = torch.full_like(torch.as_tensor(new_count()), joined.count)
                joined.take_step(joined.new["step"])
        for name in scalars:
            joined.take_scalar(name, present[name])
        states = {name: present[name] for name in wanted}
        if has_rest:
            states[REST] = present[REST] if REST in present else _new_rest(joined)
            joined.new[REST] = states[REST]
        return {name: joined.take(name, tensor) for name, tensor in states.items()}
    if present and counts:
        raise ValueError(
            f"state of parameter {joined.name!r}: expected {[*wanted, *scalars, 'step']}, as the "
            f"group's options need, got {sorted(present)}; options that decide which states "
            "exist cannot change between steps, and a state dictionary must be of the same class"
        )
    if new_count is not None:
        joined.new["step"] = new_count()
        joined.take_step(joined.new["step"])
    for name in scalars:
        initial = form.rule.initial_value(name, values)
        joined.new[name] = torch.tensor(initial, dtype=scalar_dtype())
        joined.take_scalar(name, joined.new[name])
    tensors = _new_states(form, storage, joined, values)
    if has_rest:
        tensors[REST] = _new_rest(joined)
    joined.new.update(tensors)
    return {name: joined.take(name, tensor) for name, tensor in tensors.items()}


def _new_states(
    form: Form, storage: DropInStorage, joined: Joined, values: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    rule = form.rule
    if joined.share is None:
        arrays = rule.new_states(joined.array, values, storage, joined.what("parameter"))
        arrays.pop(REST, None)
        return {name: tensor_of(array) for name, array in arrays.items()}
    # DTensors as torch's own, which go into distributed checkpoints.
    whole = joined.param.detach()
    return {
        name: torch.full_like(
            whole,
            rule.initial_value(name, values),
            dtype=dtype_of(storage.dtype_of(name, joined.array.dtype)),
        )
        for name in rule.present_states(values, joined.array.shape)
    }


def _takes_random_bits(
    form: Form,
    storage: DropInStorage,
    joined: Joined,
    wanted: Collection[str],
    present: Mapping[str, Any],
) -> bool:
    """Tell whether a step rounds by chance, and so depends on its number, whatever the rule."""

    def is_narrow(name: str) -> bool:
        if name in present:
            return torch.as_tensor(present[name]).itemsize == 2
        return storage.dtype_of(name, joined.array.dtype).itemsize == 2

    slots = {form.rule.states.index(name): is_narrow(name) for name in wanted}
    slots[PARAM_SLOT] = joined.array.dtype.itemsize == 2
    return any(narrow and storage.by_chance >> slot & 1 for slot, narrow in slots.items())


def _new_rest(joined: Joined) -> torch.Tensor:
    return torch.zeros_like(joined.param.detach(), dtype=torch.int16)
