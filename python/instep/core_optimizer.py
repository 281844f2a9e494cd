"""What the core has of an optimizer, as Python shows and changes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import instep._core as _core
import instep.gradient_options as gradient_options
from instep.dlpack import AnyArray
from instep.gradient_options import GradientOptions
from instep.hyperparameters import LearningRate
from instep.names import may_be_set, no_attribute
from instep.param_group import ParamGroup
from instep.parameters import (
    Array,
    ExistingGroup,
    FlatGroup,
    Structure,
    as_arrays,
    check_names,
    everywhere,
)
from instep.rule import Rule
from instep.storage import Storage


class CoreOptimizer(_core.Optimizer):
    """The core's optimizer with its groups, the names of their hyperparameters, and their checks.

    Each change is one call of the core, so that it is done wholly or not at all.
    """

    _rule: ClassVar[Rule]

    # Replaced by the core in the same moment as its own part of them, and never changed: an
    # interrupt finds both as they were or both as they are to be.
    _groups: tuple[ParamGroup, ...] = ()
    _gradient_options: GradientOptions = gradient_options.DEFAULTS

    # Part of what an optimizer is: set before its core's part is made, and never again.
    _storage: Storage = Storage()

    lr: LearningRate = LearningRate()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if hasattr(cls, "_rule"):
            cls._rule = cls._rule.of(cls)
        # pybind11 registers a class with its first object, and would be left with half of that
        # where memory runs out: so with the class.
        _core.Optimizer.__new__(cls)

    if not TYPE_CHECKING:  # type checkers would take any name for one that can be set
        # The core sets what it shows past this: Python code in the middle of its change could be
        # interrupted.
        def __setattr__(self, name, value):
            if not may_be_set(type(self), name):
                settable = [*self._rule.hyperparameters, *gradient_options.DEFAULTS]
                raise no_attribute(type(self), name, settable)
            super().__setattr__(name, value)

    def _begin(self, storage: Storage, seed: int) -> None:
        """Make the core's part, without groups."""
        super().__init__(self._rule.name, seed)
        self._storage = storage

    @classmethod
    def _joined(
        cls,
        groups: Sequence[ExistingGroup],
        storage: Storage,
        seed: int,
        param_steps: Sequence[int],
        scalars: Sequence[Sequence[float]],
        skipped_steps: int,
        last_grad_norm: float | None,
    ) -> Self:
        """Return an optimizer over arrays and states that exist, which has come that far.

        It steps these very arrays and copies none.
        """
        self = cls.__new__(cls)
        self._begin(storage, seed)
        for group in groups:
            self._add_group_with(
                FlatGroup(list(group.params), group.names, {}),
                "sequence",
                cls._rule.check(group.values),
                states=[cls._rule.in_order(states) for states in group.states].__getitem__,
                numbers=group.numbers,
            )
        self._set_progress(
            _core.Progress(
                steps=0,
                param_steps=param_steps,
                scalars=scalars,
                train_mode=True,
                skipped_steps=skipped_steps,
                last_grad_norm=last_grad_norm,
                seed=seed,
            )
        )
        return self

    @property
    def param_groups(self) -> tuple[ParamGroup, ...]:
        """The groups: mappings of hyperparameters, with the arrays under ``"params"``."""
        return self._groups

    def _turn(self) -> _core.HeldTurn:
        """Keep other threads' steps waiting, in a ``with`` statement."""
        return _core.HeldTurn(self)

    def _add_group_with(
        self,
        group: FlatGroup,
        structure: Structure,
        values: dict[str, Any],
        *,
        copies: Sequence[AnyArray | None] | None = None,
        states: Callable[[int], Sequence[Array | None]] | None = None,
        numbers: Sequence[int] | None = None,
    ) -> None:
        """Add a group.

        `copies` get its parameters; `states` gives those of its k-th, where they exist already, and
        `numbers` are those of which random bits are a function, positions if nothing else is said.
        """
        check_names([*(old.names for old in self._groups), group.names])
        first = sum(len(old.params) for old in self._groups)
        names: Sequence[str | None] = group.names or [None] * len(group.params)
        params = as_arrays(group.params, names, structure, first)
        added = ParamGroup(self._change_group, params, group.names, values, self._shown)
        groups = (*self._groups, added)
        rule, storage = self._rule, self._storage
        rule.check_storage(storage, values)
        labels = [repr(name) if name else str(k) for k, name in enumerate(names, first)]

        def new_states(k: int) -> list[Array | None]:
            return rule.in_order(
                rule.new_states(params[k], values, storage, f"parameter {labels[k]}")
            )

        with self._turn():
            self._add_group(
                _core.NewGroup(
                    params=params,
                    names=names,
                    states=states or new_states,
                    copies=copies or [None] * len(params),
                    numbers=numbers or range(first, first + len(params)),
                    by_chance=storage.by_chance,
                    options=rule.encode(values, rule.not_asked),
                    scalars=rule.initial_scalars(values),
                    groups=groups,
                    structure=structure,
                    scheduled=self._scheduled([each._values for each in groups]),
                )
            )

    def _shown(self) -> dict[str, Any]:
        """Return what every group shows beside its hyperparameters."""
        return {}

    def _change_group(self, group: ParamGroup, changes: Mapping[str, object]) -> None:
        self._change([changes if each is group else {} for each in self._groups])

    def _change(self, changes: Sequence[Mapping[str, object]]) -> None:
        """Set hyperparameters of each group, all of them or, when one is refused, none."""
        with self._turn():
            values = [
                self._rule.check(change, group._values)
                for change, group in zip(changes, self._groups, strict=True)
            ]
            self._set_hyperparameters(self._new_hyperparameters(values, self._options()))

    def _change_gradient_options(self, changes: Mapping[str, object]) -> None:
        options = gradient_options.check({**self._gradient_options, **changes})
        with self._turn():
            self._set_gradient_options(options)

    def _new_hyperparameters(
        self, values: Sequence[dict[str, Any]], last: Sequence[Sequence[float]]
    ) -> _core.Hyperparameters:
        """Return what the core is to have of all groups; `last` are options of callables."""
        return _core.Hyperparameters(
            groups=self._groups,
            values=values,
            options=[self._rule.encode(*each) for each in zip(values, last, strict=True)],
            scheduled=self._scheduled(values),
        )

    def _scheduled(self, values: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
        """Return group and position of each of the core's options that come from callables."""
        return [
            (k, position)
            for k, each in enumerate(values)
            for position in self._rule.scheduled(each)
        ]

    # Called by the core at the start of a step where a hyperparameter is a callable.
    def _scheduled_numbers(self, steps: int) -> list[float]:
        """Return the next step's number for each place that `_scheduled` has told."""
        numbers: list[float] = []
        returned: dict[tuple[str, int], list[float]] = {}
        for k, group in enumerate(self._groups):
            try:
                asked = self._rule.ask(group._values, group._callables(), steps, returned)
            except Exception as error:
                if len(self._groups) > 1:
                    error.add_note(f"of param_groups[{k}]")
                raise
            for each in asked.values():
                numbers += each
        return numbers

    def _initial_states(self) -> list[dict[str, Array]]:
        """Return what the states of each parameter hold before the first step, by name.

        One number each, seen as an array: without memory of an array's size.
        """
        groups = [group for group in self._groups for _ in group.params]
        return [
            {
                name: everywhere(
                    self._rule.initial_value(name, group), states[name].shape, states[name].dtype
                )
                for name in states
            }
            for group, states in zip(groups, self._named_states(), strict=True)
        ]

    def _initial_scalars(self) -> list[list[float]]:
        """Return the scalars of each parameter before its first step."""
        return [self._rule.initial_scalars(group) for group in self._groups for _ in group.params]

    def _named_scalars(self) -> list[dict[str, float]]:
        """Return the scalars of each parameter, by name."""
        names = self._rule.scalars
        return [dict(zip(names, scalars, strict=True)) for scalars in self._scalars()]

    def _named_states(self) -> list[dict[str, Array]]:
        """Return the states of each parameter that exist, by name; not copies."""
        return [self._rule.by_name(states) for states in self._states()]
