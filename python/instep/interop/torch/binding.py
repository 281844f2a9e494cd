"""One of instep's optimizers over the memory of a torch optimizer's tensors."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias

import torch

import instep
from instep.gradient_options import DEFAULTS, GradientOptions
from instep.interop.torch.form import Form
from instep.interop.torch.groups import Group, names_of, read_options
from instep.interop.torch.joined import Joined, State, join_states
from instep.interop.torch.tensors import gradient_of
from instep.parameters import Array, ExistingGroup

Report: TypeAlias = tuple[int, float | None]


class Binding:
    """An optimizer of instep whose parameters and states are a torch optimizer's tensors.

    It holds the parameters that have a state or a gradient, so that frozen ones cost no memory and
    may be of any kind. What it reads is the torch optimizer's; nothing there changes until a step
    has been taken. Parameters without states stay from the binding `before`, else those whose
    gradients come and go would make a new one each time. What steps have told up to then is the
    `report`.

    Raises
    ------
    TypeError, ValueError
        When the parameters cannot be stepped with the options and states that they have.
    """

    def __init__(
        self,
        form: Form,
        groups: Sequence[Group],
        states: Mapping[torch.Tensor, State],
        before: Binding | None,
        report: Report,
    ) -> None:
        known = {joined.param for joined in before._joined} if before is not None else set()
        self._form = form
        self._groups: list[int] = []  # of the torch optimizer, those that have parameters here
        self._values: list[dict[str, Any]] = []
        self._joined: list[Joined] = []
        existing: list[ExistingGroup] = []
        for position, group in enumerate(groups):
            values = read_options(group, form.rule)
            stays = set() if form.rule.present_states(values) else known
            names = names_of(groups, position)
            members = [
                Joined(param, position, name)
                for param, name in zip(group["params"], names, strict=True)
                if param.grad is not None
                or (param.requires_grad and (states.get(param) or param in stays))
            ]
            if members:
                existing.append(_existing_group(form, members, values, states))
                self._groups.append(position)
                self._values.append(values)
                self._joined.extend(members)
        counts = [joined.count for joined in self._joined]
        self._bound = form.optimizer._joined(existing, counts, *report)
        self.gradient_options: GradientOptions = DEFAULTS

    def holds(self, groups: Sequence[Group], states: MutableMapping[torch.Tensor, State]) -> bool:
        """Whether it can take the next step: takes over options, and looks at all else."""
        self._show_steps(states)  # which an interrupt may have cut short
        joined = iter(self._joined)
        awaited = next(joined, None)
        for position, group in enumerate(groups):
            for param in group["params"]:
                if awaited is not None and awaited.param is param:
                    if awaited.group != position or not awaited.holds(states.get(param, {})):
                        return False
                    awaited = next(joined, None)
                elif param.grad is not None:
                    return False
        return awaited is None and self._takes_over_options(groups)

    def _takes_over_options(self, groups: Sequence[Group]) -> bool:
        values = [read_options(groups[k], self._form.rule) for k in self._groups]
        if values != self._values:
            try:
                self._bound._change(values)
            except ValueError:  # out of range, or one that decides which states exist
                return False
            self._values = values
        return True

    def set_gradient_options(self, options: GradientOptions) -> None:
        """Do this with gradients from now on."""
        self._bound._change_gradient_options(options)
        self.gradient_options = options

    def report(self) -> Report:
        """Return how many steps were skipped, and the norm of the last one's gradients."""
        return self._bound.skipped_steps, self._bound.last_grad_norm

    def gradients(self, groups: Sequence[Group]) -> list[Array | instep.RowGradient | None]:
        """Return the gradients of all parameters as a step takes them."""
        gradients: list[Array | instep.RowGradient | None] = []
        for joined in self._joined:
            grad = joined.param.grad
            if grad is None:
                gradients.append(None)
                continue
            try:
                gradients.append(grad.numpy())  # a third of the time of what is below
            except (RuntimeError, TypeError):
                if grad.layout is torch.sparse_coo:
                    self._form.check_sparse(groups[joined.group], joined.what("gradient"))
                gradients.append(gradient_of(grad, joined.what("gradient")))
        return gradients

    def step(
        self,
        gradients: Sequence[Array | instep.RowGradient | None],
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


def _existing_group(
    form: Form,
    members: Sequence[Joined],
    values: Mapping[str, Any],
    states: Mapping[torch.Tensor, State],
) -> ExistingGroup:
    names: list[Any] = [joined.name for joined in members]
    return ExistingGroup(
        [joined.array for joined in members],
        names,
        values,
        [join_states(form, joined, values, states.get(joined.param) or {}) for joined in members],
    )
