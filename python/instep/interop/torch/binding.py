"""One of instep's optimizers over the memory of a torch optimizer's tensors."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias

import torch
from torch.autograd.graph import increment_version

import instep._core as _core
from instep import RowGradient
from instep.gradient_options import DEFAULTS, GradientOptions
from instep.interop.torch.form import Form
from instep.interop.torch.groups import (
    Group,
    check_has_no_other,
    names_of,
    read_options,
    shown_options,
)
from instep.interop.torch.joined import Joined, State, join_states
from instep.interop.torch.shards import check_not_measured
from instep.interop.torch.storage import DropInStorage
from instep.interop.torch.tensors import gradient_of, place_of
from instep.parameters import Array, ExistingGroup

Report: TypeAlias = tuple[int, float | None]


class Binding:
    """An optimizer of instep whose parameters and states are a torch optimizer's tensors.

    It holds the parameters that have a state or a gradient, so that frozen ones cost no memory and
    may be of any kind. What it reads is the torch optimizer's; nothing there changes until a step
    has been taken. Parameters without states stay from the binding `before`, else those whose
    gradients come and go would make a new one each time. What steps have told up to then is the
    `report`; `held` is what groups had of the options of the whole optimizer, by position.

    Raises
    ------
    TypeError, ValueError
        When the parameters cannot be stepped with the options and states that they have.
    """

    def __init__(
        self,
        form: Form,
        groups: Sequence[Group],
        states: MutableMapping[torch.Tensor, State],
        before: Binding | None,
        report: Report,
        storage: DropInStorage,
        seed: int,
        gradient_options: GradientOptions,
        own_options: Mapping[str, object],
        held: Mapping[int, Mapping[str, object]],
    ) -> None:
        for position, group in enumerate(groups):
            if position in held:
                check_has_no_other(group, own_options, held[position])
        if before is not None:
            before._show_steps(states)  # which an interrupt may have cut short
        known = {joined.param for joined in before._joined} if before is not None else set()
        self._form = form
        self._groups: list[int] = []  # of the torch optimizer, those that have parameters here
        self._values: list[dict[str, Any]] = []
        self._joined: list[Joined] = []
        existing: list[ExistingGroup] = []
        first = 0
        for position, group in enumerate(groups):
            values = read_options(group, form.rule)
            stays = set() if form.rule.has_states(values) else known
            names = names_of(groups, position)
            members = [
                Joined(param, position, name, number)
                for number, (param, name) in enumerate(
                    zip(group["params"], names, strict=True), first
                )
                if param.grad is not None
                or (param.requires_grad and (states.get(param) or param in stays))
            ]
            first += len(group["params"])
            if members:
                form.rule.check_storage(storage, values)
                existing.append(_existing_group(form, storage, members, values, states))
                self._groups.append(position)
                self._values.append(values)
                self._joined.extend(members)
        counts = [joined.count for joined in self._joined]
        scalars = [[float(each) for each in joined.scalars] for joined in self._joined]
        self._bound = form.optimizer._joined(existing, storage, seed, counts, scalars, *report)
        self._gradient_options: GradientOptions = DEFAULTS
        self._own_options = own_options
        self._watch = _core.TensorWatch(self._bound, place_of)
        self._shares: dict[torch.Tensor, torch.Tensor] = {}  # of DTensors, by these
        for k, joined in enumerate(self._joined):
            self._watch.add(
                joined.param,
                joined.group,
                joined.tensors,
                joined.step_array,
                joined.counts,
                joined.count,
                joined.scalars,
                joined.new,
            )
            if joined.share is not None:
                self._watch.see_by_python(k)
                self._shares[joined.param] = joined.share
        self._watch_options(groups)
        self._take_over_gradient_options(gradient_options)

    def holds(
        self,
        groups: Sequence[Group],
        states: MutableMapping[torch.Tensor, State],
        gradient_options: GradientOptions,
        own_options: Mapping[str, object],
    ) -> bool:
        """Whether it can take the next step: takes over options, and looks at all else."""
        self._own_options = own_options
        self._take_over_gradient_options(gradient_options)
        return self._watch.holds(groups, states) and (
            self._watch.has_options(groups) or self._takes_over_options(groups)
        )

    def _watch_options(self, groups: Sequence[Group]) -> None:
        self.shown: dict[int, dict[str, object]] = {
            k: shown_options(groups[k], self._form.rule) for k in self._groups
        }
        self._watch.watch_options(self.shown)

    def _takes_over_options(self, groups: Sequence[Group]) -> bool:
        for k, shown in self.shown.items():
            check_has_no_other(groups[k], self._own_options, shown)
        values = [read_options(groups[k], self._form.rule) for k in self._groups]
        if values != self._values:
            try:
                self._bound._change(values)
            except ValueError:  # out of range, or one that decides which states exist
                return False
            self._values = values
        self._watch_options(groups)
        return True

    def _take_over_gradient_options(self, options: GradientOptions) -> None:
        if options is not self._gradient_options:
            check_not_measured(self._shares, options)
            self._bound._change_gradient_options(options)
            self._gradient_options = options

    def report(self) -> Report:
        """Return how many steps were skipped, and the norm of the last one's gradients."""
        return self._bound.skipped_steps, self._bound.last_grad_norm

    def gradients(self, groups: Sequence[Group]) -> list[Any]:
        """Return the gradients of all parameters: what a step takes, or tensors that may be it."""
        gradients, others = self._watch.gradients()
        for k in others:
            gradients[k] = self._through_numpy(k, groups)
        return gradients

    def _seen_by_python(self, groups: Sequence[Group]) -> list[Array | RowGradient | None]:
        seen = [self._through_numpy(k, groups) for k in range(len(self._joined))]
        for k, grad in enumerate(seen):
            if isinstance(grad, RowGradient):  # as the next ones will be
                self._watch.see_by_python(k)
        return seen

    def _through_numpy(self, k: int, groups: Sequence[Group]) -> Array | RowGradient | None:
        joined = self._joined[k]
        grad = joined.param.grad
        if grad is None:
            return None
        if grad.layout is torch.sparse_coo:
            self._form.check_sparse(groups[joined.group], joined.what("gradient"))
        return gradient_of(joined.param, grad, joined.what("gradient"))

    def step(
        self,
        gradients: Sequence[Any],
        groups: Sequence[Group],
        states: MutableMapping[torch.Tensor, State],
    ) -> None:
        """Step all parameters once, or raise with everything as it was.

        KeyboardInterrupt may be raised by a step that was taken: its states then show it too.
        """
        try:
            self._step(gradients, groups)
        finally:
            self._show_steps(states)

    def _step(self, gradients: Sequence[Any], groups: Sequence[Group]) -> None:
        try:
            self._bound.step(gradients)
            return
        except TypeError:
            pass
        # Of a tensor with a graph, or of another kind, torch tells more than the core.
        self._bound.step(self._seen_by_python(groups))

    def _show_steps(self, states: MutableMapping[torch.Tensor, State]) -> None:
        """Bring the torch optimizer's states to the counts of the steps that were taken."""
        stepped = self._watch.stepped()
        if stepped:
            # Else autograd would not notice that a graph was recorded with other values.
            increment_version(stepped)
            if self._shares:  # which count their versions by themselves
                increment_version([self._shares[each] for each in stepped if each in self._shares])
            self._watch.show_steps(states)


def _existing_group(
    form: Form,
    storage: DropInStorage,
    members: Sequence[Joined],
    values: Mapping[str, Any],
    states: Mapping[torch.Tensor, State],
) -> ExistingGroup:
    names: list[Any] = [joined.name for joined in members]
    return ExistingGroup(
        [joined.array for joined in members],
        names,
        values,
        [
            join_states(form, storage, joined, values, states.get(joined.param) or {})
            for joined in members
        ],
        [joined.number for joined in members],
    )
