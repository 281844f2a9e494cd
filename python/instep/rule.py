"""What is to know of a rule beside its formula."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from types import FunctionType, MappingProxyType
from typing import Any, TypeVar

import numpy as np

import instep._core as _core
from instep.hyperparameters import (
    Flag,
    Hyperparameter,
    OptionCheck,
    callables_of,
    hyperparameters,
)
from instep.names import nearest
from instep.parameters import Array
from instep.state_shapes import REDUCED, shape_of
from instep.storage import REST, Storage

T = TypeVar("T")

_WORDS = _core.rules()


class Rule:
    """A rule of the core as a class of optimizers has it.

    Parameters
    ----------
    name : str
        What the core calls it.
    switches : mapping of str to str
        The states that exist only where an option is on, and that option.
    initial : mapping of str to str or float
        The states and scalars that begin at another value than 0: that of an option, or a number.
    arguments : mapping of str to str
        The states that are called otherwise where they are arguments of a function, and how: a name
        of torch's may be one of Python's.
    dtypes_by_name : str, optional
        The option under which states of 16 bits are to be asked for one by one: where the rule
        subtracts one of them from another.
    not_in_torch : collection of str
        The hyperparameters that torch's class does not have, which computes what they are by
        default: its state dictionaries lack them.
    counted_by_torch : bool
        Whether the states of torch's class tell the number of steps.
    check_together : callable, optional
        Raises ValueError for hyperparameters that do not go together.
    """

    # No dataclass: to make one takes a millisecond of `import instep`.
    def __init__(
        self,
        name: str,
        *,
        switches: Mapping[str, str] = MappingProxyType({}),
        initial: Mapping[str, str | float] = MappingProxyType({}),
        arguments: Mapping[str, str] = MappingProxyType({}),
        dtypes_by_name: str | None = None,
        not_in_torch: Collection[str] = (),
        counted_by_torch: bool = True,
        check_together: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        if name not in _WORDS:
            raise LookupError(
                f"expected one of the core's rules, {', '.join(_WORDS)}, got {name!r}; "
                "cpp/rules/all.hpp lists them, and a change of it needs a build"
            )
        self.name = name
        self.switches = switches
        self.initial = initial
        self.arguments = arguments
        self.dtypes_by_name = dtypes_by_name
        self.not_in_torch = not_in_torch
        self.counted_by_torch = counted_by_torch
        self.check_together = check_together
        self.owner: type[Any] = object
        self.hyperparameters: Mapping[str, Hyperparameter[Any]] = {}

    def of(self, cls: type[Any]) -> Rule:
        """Return the rule with the hyperparameters that a class declares, in their order."""
        rule = Rule(
            self.name,
            switches=self.switches,
            initial=self.initial,
            arguments=self.arguments,
            dtypes_by_name=self.dtypes_by_name,
            not_in_torch=self.not_in_torch,
            counted_by_torch=self.counted_by_torch,
            check_together=self.check_together,
        )
        rule.owner = cls
        rule.hyperparameters = hyperparameters(cls)
        return rule

    @property
    def options(self) -> tuple[str, ...]:
        """The core's options, in its order."""
        return _WORDS[self.name][0]

    @property
    def states(self) -> tuple[str, ...]:
        """The core's states, in its order."""
        return _WORDS[self.name][1]

    @property
    def scalars(self) -> tuple[str, ...]:
        """The core's scalars, in its order: numbers that a parameter has beside its step count."""
        return _WORDS[self.name][2]

    @property
    def begin_as_param(self) -> tuple[str, ...]:
        """The states that the core makes the parameter before its first step."""
        return _WORDS[self.name][4]

    @property
    def _shapes(self) -> dict[str, str]:
        return dict(zip(self.states, _WORDS[self.name][3], strict=True))

    @property
    def reduced_states(self) -> list[str]:
        """The states that have other numbers than their parameter: for rows or columns of it."""
        return [name for name, shape in self._shapes.items() if shape in REDUCED]

    @property
    def is_elementwise(self) -> bool:
        """Whether a step of an element depends on no other, whatever the hyperparameters."""
        return _WORDS[self.name][5]

    def state_shape(self, name: str, param: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the shape of a state of a parameter of this shape, None where that has it not."""
        return shape_of(self._shapes[name], param)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What hyperparameters are that nobody passes.

        What the class fixes, or else the default of its constructor or, where that does not take
        it, of its base's.
        """
        constructors = [vars(base).get("__init__") for base in reversed(self.owner.__mro__)]
        taken = {
            each.name: each.default
            for constructor in constructors
            if isinstance(constructor, FunctionType)
            for each in inspect.signature(constructor).parameters.values()
            if each.default is not each.empty
        }
        fixed = {
            name: each.only
            for name, each in self.hyperparameters.items()
            if isinstance(each, Flag) and each.only is not None
        }
        given = {**taken, **fixed}
        return {name: given[name] for name in self.hyperparameters if name in given}

    @property
    def checks(self) -> dict[str, OptionCheck]:
        """For each of the core's options, what it may be."""
        return {
            option: check
            for each in self.hyperparameters.values()
            for option, check in each.numbers().items()
        }

    def may_be_callable(self, name: str) -> bool:
        """Tell whether a hyperparameter may be a callable of the count of completed steps."""
        return not self.hyperparameters[name].fixed and name not in self.switches.values()

    def check(
        self,
        changes: Mapping[str, Any],
        present: Mapping[str, Any] | None = None,
        *,
        callables: bool = True,
    ) -> dict[str, Any]:
        """Return the hyperparameters of a new group, or `present` ones with `changes`, checked.

        Where `callables` is False, no change may be one.
        """
        values = {} if present is None else dict(present)
        for name, value in changes.items():
            if name == "params":
                raise ValueError("params: a group's parameters cannot be changed")
            if name not in self.hyperparameters:
                known = self.hyperparameters
                raise KeyError(
                    f"{name!r} is no hyperparameter of {self.owner.__name__}"
                    f"{nearest(name, known)}; expected one of {', '.join(known)}"
                )
            if callable(value) and not self.may_be_callable(name):
                raise TypeError(
                    f"{name}: expected no callable, as it decides which states exist or is fixed "
                    f"when the group is made, got {value!r}"
                )
            hyperparameter = self.hyperparameters[name]
            new = (hyperparameter.check if callables else hyperparameter.check_value)(value)
            if present is not None:
                self._check_change(name, present[name], new)
            values[name] = new
        self._check_together(values)
        return values

    def _check_together(self, values: Mapping[str, Any]) -> None:
        if self.check_together is None:
            return
        known = {name: value for name, value in values.items() if not callable(value)}
        try:
            self.check_together(known)
        except KeyError:
            if len(known) == len(values):
                raise
            # It depends on what a callable will return: each step checks that.

    def _check_change(self, name: str, old: Any, new: Any) -> None:
        if self.hyperparameters[name].fixed and new != old:
            raise ValueError(
                f"{name}: expected {old!r}, which is fixed when the group is made, got {new!r}"
            )
        if name in self.switches.values() and bool(new) != bool(old):
            raise ValueError(
                f"{name}: cannot change from {old!r} to {new!r}, it decides which states exist; "
                "make a new optimizer"
            )

    def encode(self, values: Mapping[str, Any], last: Sequence[float]) -> list[float]:
        """Return the core's options; of callables they are the `last` ones."""
        numbers = dict(zip(self.options, last, strict=True))
        for name, hyperparameter in self.hyperparameters.items():
            if not callable(values[name]):
                numbers.update(hyperparameter.encode(values[name]))
        return [numbers[option] for option in self.options]

    @property
    def not_asked(self) -> list[float]:
        """The last options where no callable has been asked."""
        return [math.nan] * len(self.options)

    def scheduled(self, values: Mapping[str, Any]) -> list[int]:
        """Return the positions of the core's options that come from callables."""
        return [position for name in callables_of(values) for position in self._positions(name)]

    def _positions(self, name: str) -> list[int]:
        return [self.options.index(option) for option in self.hyperparameters[name].numbers()]

    def ask(
        self,
        values: Mapping[str, Any],
        callables: Mapping[str, Callable[[int], Any]],
        steps: int,
        returned: dict[tuple[str, int], list[float]],
    ) -> dict[str, list[float]]:
        """Return the next step's numbers of those hyperparameters that are callables, checked.

        `returned` is what they have returned for other groups, by which none is asked twice.
        """
        asked = {}
        for name, value in callables.items():
            key = name, id(value)
            if key not in returned:
                returned[key] = self.hyperparameters[name].encode_returned(value(steps))
            asked[name] = returned[key]
        if self.check_together is not None:
            self._check_together(self._with(values, asked))
        return asked

    def last(
        self, values: Mapping[str, Any], options: Sequence[float], steps: int
    ) -> dict[str, Any]:
        """Return the hyperparameters of the last step, which the core's options hold.

        Callables that have not been asked yet, are.
        """
        numbers = {
            name: [options[position] for position in self._positions(name)]
            for name in callables_of(values)
        }
        # Of a tuple, a part that is None is NaN as well.
        asked = {name: each for name, each in numbers.items() if not all(map(math.isnan, each))}
        last = self._with(values, asked)
        return self._with(last, self.ask(last, callables_of(last), steps, {}))

    def _with(
        self, values: Mapping[str, Any], numbers: Mapping[str, Sequence[float]]
    ) -> dict[str, Any]:
        decoded = {name: self.hyperparameters[name].decode(each) for name, each in numbers.items()}
        return {**values, **decoded}

    def parts(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return hyperparameters with the numbers of a tuple by the names of the core's options."""
        return {
            option: part
            for name, value in values.items()
            for option, part in self.hyperparameters[name].parts(value).items()
        }

    def step_options(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of the rule's step function that these hyperparameters are."""
        parts = self.parts(values)
        return {option: parts[option] for option in self.options if option in parts}

    def step_states(self, states: Mapping[str, T]) -> dict[str, T]:
        """Return states by the names of the arguments of the rule's step function."""
        return {self.arguments.get(name, name): state for name, state in states.items()}

    def present_states(
        self, values: Mapping[str, Any], param: tuple[int, ...]
    ) -> dict[str, tuple[int, ...]]:
        """Return the names of the states that a parameter of this shape has, and their shapes."""
        return {
            name: shape
            for name in self.states
            if self._is_on(name, values) and (shape := self.state_shape(name, param)) is not None
        }

    def has_states(self, values: Mapping[str, Any]) -> bool:
        """Tell whether there is a state with these hyperparameters."""
        return any(self._is_on(name, values) for name in self.states)

    def _is_on(self, name: str, values: Mapping[str, Any]) -> bool:
        return name not in self.switches or bool(values[self.switches[name]])

    def initial_value(self, name: str, values: Mapping[str, Any]) -> float:
        """Return what a state or a scalar holds before the first step."""
        initial = self.initial.get(name, 0.0)
        value: float = values[initial] if isinstance(initial, str) else initial
        return value

    def initial_options(self) -> list[str]:
        """Return the options at which states begin."""
        return [each for each in self.initial.values() if isinstance(each, str)]

    def initial_scalars(self, values: Mapping[str, Any]) -> list[float]:
        """Return the scalars of a parameter before its first step."""
        return [self.initial_value(name, values) for name in self.scalars]

    def new_storage(self, **options: Any) -> Storage:
        """Return how such an optimizer stores, or raise TypeError or ValueError."""
        return Storage(self.states, self.reduced_states, **options)

    def check_storage(self, storage: Storage, values: Mapping[str, Any]) -> None:
        """Raise ValueError where states may not be stored so with these hyperparameters."""
        option, dtype = self.dtypes_by_name, storage.state_dtype
        if option and values[option] and isinstance(dtype, np.dtype) and dtype.itemsize == 2:
            raise ValueError(
                f"state_dtype: expected a mapping with {option}=True, under which the difference "
                f"of two states may be all rounding, got {dtype.name}; name the states that are to "
                "be stored so, state_dtype={...: ...}"
            )

    def new_states(
        self, param: Array, values: Mapping[str, Any], storage: Storage, label: str
    ) -> dict[str, Array]:
        """Return the states of a parameter before its first step; `label` names it in messages."""
        shapes = self.present_states(values, param.shape)
        states = {}
        for k, (name, shape) in enumerate(shapes.items()):
            dtype = storage.dtype_of(name, param.dtype)
            if name in self.reduced_states:
                state = np.zeros(shape, dtype)
            else:
                state = _core.new_state(param, k, len(shapes), dtype)
            states[name] = state
            value = self.initial_value(name, values)
            if value != 0:
                state[...] = value
        if storage.has_rest(param.dtype, label):
            states[REST] = _core.new_state(param, len(shapes), len(shapes) + 1, np.dtype(np.int16))
        return states

    def first_states(self, param: Array, values: Mapping[str, Any]) -> dict[str, Array]:
        """Return the states of a parameter before its first step, as a step function takes them."""
        return {
            name: np.array(param)
            if name in self.begin_as_param
            else np.full_like(param, self.initial_value(name, values), shape=shape)
            for name, shape in self.present_states(values, param.shape).items()
        }

    def first_states_of_all(
        self, params: Sequence[Array], values: Mapping[str, Any]
    ) -> dict[str, list[Array | None]]:
        """Return those of several, None where a parameter has not what another has."""
        each = [self.first_states(param, values) for param in params]
        names = [name for name in self.states if any(name in states for states in each)]
        return {name: [states.get(name) for states in each] for name in names}

    def in_order(self, states: Mapping[str, Array]) -> list[Array | None]:
        """Return states as the core takes them, None for one that does not exist."""
        return [states.get(name) for name in (*self.states, REST)]

    def by_name(self, states: Sequence[Array | None]) -> dict[str, Array]:
        """Return the core's states that exist, by name."""
        return {
            name: state
            for name, state in zip((*self.states, REST), states, strict=True)
            if state is not None
        }
