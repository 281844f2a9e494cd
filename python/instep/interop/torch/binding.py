"""One of instep's optimizers over the memory of a torch optimizer's tensors."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

import instep
from instep import RowGradient, _core
from instep.interop.torch.tensors import array_of, gradient_of
from instep.parameters import Array, FlatGroup, new_state

if TYPE_CHECKING:
    from instep.interop.torch.in_place import InPlace

Group = Mapping[str, Any]
State = MutableMapping[str, Any]
Place: TypeAlias = tuple[int, torch.Size, tuple[int, ...], torch.dtype]


class Joined:
    """A parameter and its state, and where in memory they were found."""

    def __init__(self, param: torch.Tensor, group: int, name: object) -> None:
        self.param = param
        self.group = group
        self.name = name
        self.array: Array = array_of(param, self.what("parameter"))
        self.place: Place = place_of(param)
        # The state's tensors and where they were; NumPy's view of the step, where it is one.
        self.tensors: list[tuple[str, torch.Tensor, Place]] = []
        self.step_array: Array | None = None
        self.counts: bool = False
        self.count: int = 0
        # What the torch optimizer gets once the first step was taken.
        self.new: dict[str, Any] = {}

    def what(self, role: str) -> str:
        """Say what a tensor is, in messages, as the core does."""
        of = "" if role == "parameter" else "of parameter "
        return f"{role} {of}{self.name!r}"

    def holds(self, state: State) -> bool:
        """Whether parameter and state are still the same tensors, in the same memory."""
        if place_of(self.param) != self.place:
            return False
        for name, tensor, place in self.tensors:
            if state.get(name) is not tensor or place_of(tensor) != place:
                return False
        if self.step_array is None:
            return not self.counts or state.get("step") == self.count
        shown: float = self.step_array.item()
        # Where float32 does not hold the count, it holds the number nearest to it.
        return shown == self.count or shown == self.step_array.dtype.type(self.count)

    def take(self, name: str, tensor: torch.Tensor) -> Array:
        """Return the memory of one of the state's tensors, and remember it."""
        array = array_of(tensor, self.what(name))
        self.tensors.append((name, tensor, place_of(tensor)))
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

    def stepped(self, count: int, states: MutableMapping[torch.Tensor, State]) -> None:
        """Show in the torch optimizer's states that this many steps were taken."""
        if self.new:
            states.setdefault(self.param, {}).update(self.new)
            self.new = {}
        if self.step_array is not None:
            self.step_array.fill(count)
        elif self.counts:
            states[self.param]["step"] = count
        self.count = count


class Binding:
    """An optimizer of instep whose parameters and states are a torch optimizer's tensors.

    It holds the parameters that have a state or a gradient, so that frozen ones cost no memory.
    What it reads is the torch optimizer's; nothing there changes until a step has been taken.
    Parameters without states stay from the binding `before`, else those whose gradients come and
    go would make a new one each time.

    Raises
    ------
    TypeError, ValueError
        When the parameters cannot be stepped with the options and states that they have.
    """

    def __init__(self, optimizer: InPlace, before: Binding | None) -> None:
        rule = optimizer._rule
        known = {joined.param for joined in before._joined} if before is not None else set()
        self._bound = rule.__new__(rule)
        _core.Optimizer.__init__(self._bound, rule._rule)
        self._groups: list[int] = []  # of the torch optimizer, those that have parameters here
        self._values: list[dict[str, Any]] = []
        self._joined: list[Joined] = []
        for position, group in enumerate(optimizer.param_groups):
            values = optimizer._read_options(group)
            stays = set() if state_names(rule, values) else known
            names = names_of(optimizer.param_groups, position)
            members = [
                Joined(param, position, name)
                for param, name in zip(group["params"], names, strict=True)
                if param.grad is not None or optimizer.state.get(param) or param in stays
            ]
            if members:
                self._add_group(optimizer, values, members)
        if any(joined.count for joined in self._joined):
            self._bound._set_param_steps([joined.count for joined in self._joined])

    def _add_group(self, optimizer: InPlace, values: dict[str, Any], members: list[Joined]) -> None:
        states = [
            join_states(optimizer, joined, values, optimizer.state.get(joined.param) or {})
            for joined in members
        ]
        names: list[Any] = [joined.name for joined in members]
        self._bound._add_group_with(
            FlatGroup([joined.array for joined in members], names, {}),
            "sequence",
            self._bound._checked(values),
            states.__getitem__,
        )
        self._groups.append(members[0].group)
        self._values.append(values)
        self._joined.extend(members)

    def holds(self, optimizer: InPlace) -> bool:
        """Whether it can take the next step: takes over options, and looks at all else."""
        self._show_steps(optimizer.state)  # which an interrupt may have cut short
        joined = iter(self._joined)
        awaited = next(joined, None)
        states = optimizer.state
        for position, group in enumerate(optimizer.param_groups):
            for param in group["params"]:
                if awaited is not None and awaited.param is param:
                    if awaited.group != position or not awaited.holds(states.get(param, {})):
                        return False
                    awaited = next(joined, None)
                elif param.grad is not None:
                    return False
        return awaited is None and self._takes_over_options(optimizer)

    def _takes_over_options(self, optimizer: InPlace) -> bool:
        values = [optimizer._read_options(optimizer.param_groups[k]) for k in self._groups]
        if values != self._values:
            try:
                self._bound._change(values)
            except ValueError:  # out of range, or one that decides which states exist
                return False
            self._values = values
        return True

    def gradients(self, optimizer: InPlace) -> list[Array | RowGradient | None]:
        """Return the gradients of all parameters as a step takes them."""
        gradients: list[Array | RowGradient | None] = []
        for joined in self._joined:
            grad = joined.param.grad
            if grad is None:
                gradients.append(None)
                continue
            try:
                gradients.append(grad.numpy())  # a third of the time of what is below
            except (RuntimeError, TypeError):
                if grad.layout is torch.sparse_coo:
                    optimizer._check_sparse(
                        optimizer.param_groups[joined.group], joined.what("gradient")
                    )
                gradients.append(gradient_of(grad, joined.what("gradient")))
        return gradients

    def step(
        self,
        gradients: Sequence[Array | RowGradient | None],
        states: MutableMapping[torch.Tensor, State],
    ) -> None:
        """Step all parameters once, or raise with everything as it was.

        KeyboardInterrupt may be raised by a step that was taken: its states then show it too.
        """
        before = self._bound.steps
        try:
            self._bound.step(gradients)
        finally:
            if self._bound.steps != before:
                self._show_steps(states)

    def _show_steps(self, states: MutableMapping[torch.Tensor, State]) -> None:
        """Bring the torch optimizer's states to the counts of the steps that were taken."""
        stepped = [
            (joined, count)
            for joined, count in zip(self._joined, self._bound._param_steps(), strict=True)
            if joined.count != count
        ]
        if not stepped:
            return
        # Else autograd would not notice that a graph was recorded with other values.
        torch.autograd.graph.increment_version([joined.param for joined, _ in stepped])
        for joined, count in stepped:
            joined.stepped(count, states)


def names_of(groups: Sequence[Group], position: int) -> Sequence[object]:
    """Return what messages call the parameters of a group: names, or positions among all.

    Names that torch lets stand twice, as those of two modules, or for fewer parameters than there
    are, name nothing.
    """
    group = groups[position]
    first = sum(len(before["params"]) for before in groups[:position])
    names: Sequence[object] = group.get("param_names", ())
    everywhere = [name for each in groups for name in each.get("param_names", ())]
    if len(names) != len(group["params"]) or len(set(everywhere)) != len(everywhere):
        return range(first, first + len(group["params"]))
    return names


def place_of(tensor: torch.Tensor) -> Place:
    """Return what makes a tensor's view of its memory."""
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


def join_states(
    optimizer: InPlace, joined: Joined, values: Mapping[str, Any], state: State
) -> list[Array | None]:
    """Return the state's memory in the core's order; of a new one, zeros or the initial value."""
    rule = optimizer._rule
    wanted = state_names(rule, values)
    present = {name: value for name, value in state.items() if value is not None}
    arrays: dict[str, Array]
    if present.keys() >= set(wanted) and (not optimizer._counts or "step" in present):
        arrays = {name: joined.take(name, present[name]) for name in wanted}
        if optimizer._counts:
            joined.take_step(present["step"])
        elif wanted:
            joined.count = 1  # what counts is whether it is the first step
    elif present and optimizer._counts:
        raise ValueError(
            f"state of parameter {joined.name!r}: expected {[*wanted, 'step']}, as the "
            f"group's options need, got {sorted(present)}; options that decide which states "
            "exist cannot change between steps, and a state dictionary must be of the same class"
        )
    else:
        arrays = {name: new_state(joined.array, k, len(wanted)) for k, name in enumerate(wanted)}
        if optimizer._counts:
            joined.new["step"] = optimizer._new_count()
            joined.take_step(joined.new["step"])
        for name, array in arrays.items():
            if name in rule._initial and values[rule._initial[name]] != 0:
                array[...] = values[rule._initial[name]]
            joined.new[name] = torch.from_numpy(array)
            joined.take(name, joined.new[name])
    return [arrays.get(name) for name in rule._state_names]


def state_names(rule: type[instep.Optimizer], values: Mapping[str, Any]) -> list[str]:
    """Return the names of the states that exist with these options."""
    return [
        name
        for name in rule._state_names
        if name not in rule._switches or values[rule._switches[name]]
    ]
