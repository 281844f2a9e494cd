"""What an optimizer must do, said with `instep.reference` alone, and what "unchanged" means."""

from __future__ import annotations

import contextlib
import copy
import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import instep
from instep import RowGradient, reference
from instep.reference._common import summed
from instep.rule import Rule
from instep.storage import REST
from tests.cases import DTYPES, HALVES, Array, is_reduced, new_scalars, state_shape
from tests.compare import assert_same_bits
from tests.optimizers import DESCRIPTIONS
from tests.optimizers.description import Options as Options

RULES: dict[str, str] = {
    name: rule for rule, described in DESCRIPTIONS.items() for name in described.optimizers
}
"""The rule of each class."""

OPTIMIZERS = {
    name: optimizer
    for described in DESCRIPTIONS.values()
    for name, optimizer in described.optimizers.items()
}
DEFAULTS: dict[str, Options] = {
    name: {
        each.name: each.default
        for each in inspect.signature(getattr(instep, name)).parameters.values()
        if each.default is not each.empty
    }
    for name in OPTIMIZERS
}
"""The keyword arguments of each class, with their defaults."""

VARIANTS: list[tuple[str, Options]] = [
    (name, options) for name, each in OPTIMIZERS.items() for options in each.variants
]
"""Optimizers × options: every option of every class appears."""


def _each(variants: list[tuple[str, Options]]) -> pytest.MarkDecorator:
    ids = [f"{name}({', '.join(options)})" for name, options in variants]
    return pytest.mark.parametrize(("name", "options"), variants, ids=ids)


each_variant = _each(VARIANTS)
each_variant_that_takes_rows = _each(
    [(name, options) for name, options in VARIANTS if DESCRIPTIONS[RULES[name]].takes_rows]
)
each_class = pytest.mark.parametrize("name", DEFAULTS)


IN_EACH_STEP = ("state_rounding", "param_rounding", "seed")
"""What of an optimizer's storage each of the reference's steps is told."""


def make(name: str, params: Any, **options: Any) -> Any:
    """Construct the optimizer `name`; untyped, for tests that pass what must be refused."""
    return getattr(instep, name)(params, **options)


def decay_of(name: str, decay: float) -> Options:
    """Return a weight decay as options of a class, none where it has no such hyperparameter."""
    return {"weight_decay": decay} if "weight_decay" in DEFAULTS[name] else {}


def initial_states(name: str, options: Mapping[str, Any]) -> dict[str, float]:
    """Return the states of each parameter, by torch's names, and what they are filled with."""
    described = DESCRIPTIONS[RULES[name]]
    return described.initial_states({**options, **OPTIMIZERS[name].constants})


def narrow_states(name: str, options: Mapping[str, Any]) -> list[str]:
    """Return the states, by torch's names, that may be stored in 16 bits."""
    states = initial_states(name, DEFAULTS[name] | dict(options))
    return [state for state in states if not is_reduced(RULES[name], state)]


def reference_step(
    name: str,
    options: Mapping[str, Any],
    step: int,
    param: Array,
    grad: Array | RowGradient,
    states: Mapping[str, Array],
    **storage: Any,
) -> None:
    """Take the step of class `name` with the reference's function."""
    function: Callable[..., None] = getattr(reference, f"{RULES[name]}_step")
    rule: Rule = getattr(instep, name)._rule
    function(
        param,
        grad,
        **rule.step_states(states),
        **rule.step_options({**options, **OPTIMIZERS[name].constants}),
        step=step,
        **storage,
    )


def working_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


class Model:
    """An optimizer over copies of its parameters, one parameter at a time.

    `storage` are the optimizer's options of this kind, but for the parameters' `copies`.
    """

    def __init__(
        self,
        name: str,
        params: Sequence[Array],
        *,
        storage: Mapping[str, Any] = MappingProxyType({}),
        copies: Sequence[Array | None] | None = None,
        **options: Any,
    ) -> None:
        self.name = name
        self.storage = storage
        self.copies: list[Array | None] = []
        self.steps = 0
        self.groups: list[Options] = []
        self.params: list[Array] = []
        self.states: list[dict[str, Array]] = []
        self.scalars: list[dict[str, Array]] = []
        self.counts: list[int] = []
        self.group_of: list[int] = []
        self.conditions: Options = {}
        self.nonfinite = "propagate"
        self.skipped = 0
        self.add_group(params, copies, **options)

    def reset(self) -> None:
        """Begin anew, with the parameters and hyperparameters that there are."""
        self.steps = self.skipped = 0
        self.counts = [0 for _ in self.params]
        for states, group in zip(self.states, self.group_of, strict=True):
            for key, value in initial_states(self.name, self.groups[group]).items():
                if key in states:
                    states[key][...] = value
        self.scalars = [new_scalars(RULES[self.name], param) for param in self.params]

    def add_group(
        self,
        params: Sequence[Array],
        copies: Sequence[Array | None] | None = None,
        **options: Any,
    ) -> None:
        group = DEFAULTS[self.name] | options
        for param, copy_of_it in zip(params, copies or [None] * len(params), strict=True):
            mine = np.array(param)
            self.params.append(mine)
            self.copies.append(None if copy_of_it is None else np.array(copy_of_it))
            states = {
                key: np.full(shape, value, self.dtype_of(key, mine))
                for key, value in initial_states(self.name, group).items()
                if (shape := state_shape(RULES[self.name], key, mine.shape)) is not None
            }
            if self.storage.get("master_weight_bits") and mine.dtype == HALVES[1]:
                states[REST] = np.zeros(mine.shape, np.int16)
            self.states.append(states)
            self.scalars.append(new_scalars(RULES[self.name], mine))
            self.counts.append(0)
            self.group_of.append(len(self.groups))
        self.groups.append(group)

    def dtype_of(self, state: str, param: Array) -> np.dtype[Any]:
        working = working_type(param.dtype)
        if is_reduced(RULES[self.name], state):
            return working
        asked = self.storage.get("state_dtype")
        if isinstance(asked, Mapping):
            asked = asked.get(state)
        return working if asked is None or working == np.float64 else np.dtype(asked)

    def begin(self, index: int) -> None:
        """Let the states that begin as the parameter be so."""
        for key in DESCRIPTIONS[RULES[self.name]].begin_as_param:
            state = self.states[index][key]
            exact = self.exact(index)
            state[...] = (
                exact if state.dtype == exact.dtype else reference.narrow(exact, state.dtype)
            )

    def exact(self, index: int) -> Array:
        """Return a parameter, or its master, in the type in which it is stepped."""
        param, rest = self.params[index], self.states[index].get(REST)
        if rest is None:
            return param.astype(working_type(param.dtype))
        return reference.join_master(param, rest)

    def write_copies(self) -> None:
        """Write the parameters into the copies, as after their arrays were replaced."""
        for index, copy_of_it in enumerate(self.copies):
            if copy_of_it is not None:
                copy_of_it[...] = reference.narrow(self.exact(index), copy_of_it.dtype)

    def step(self, grads: Sequence[Array | RowGradient | None], grad_scale: float = 1.0) -> None:
        present = [index for index, grad in enumerate(grads) if grad is not None]
        with np.errstate(all="ignore"):
            each = [
                rows_and_values(grads[index], working_type(self.params[index].dtype))
                for index in present
            ]
            try:
                conditioned = reference.condition_gradients(
                    [values for _, values in each],
                    grad_scale=grad_scale,
                    nonfinite="propagate" if self.nonfinite == "propagate" else "raise",
                    **self.conditions,
                )
            except FloatingPointError:
                if self.nonfinite == "raise":
                    raise
                self.skipped += 1
                return
            for index, (rows, _), grad in zip(present, each, conditioned, strict=True):
                if self.counts[index] == 0:
                    self.begin(index)
                self.counts[index] += 1
                group = self.groups[self.group_of[index]]
                values = {
                    key: value(self.steps) if callable(value) else value
                    for key, value in group.items()
                }
                states = {**self.states[index], **self.scalars[index]}
                rest = states.pop(REST, None)
                reference_step(
                    self.name,
                    values,
                    self.counts[index],
                    self.params[index],
                    grad if rows is None else RowGradient(rows, grad),
                    states,
                    param_rest=rest,
                    copies=self.copies[index],
                    first_parameter=index,
                    **{key: self.storage[key] for key in IN_EACH_STEP if key in self.storage},
                )
        self.steps += 1

    def assert_equals(self, optimizer: Any) -> None:
        """Assert that parameters, states and counts of `optimizer` are these, bit for bit."""
        dictionary = optimizer.state_dict()
        states = {
            index: {
                "step": count,
                **{name: float(each) for name, each in scalars.items()},
                **states,
            }
            for index, (count, scalars, states) in enumerate(
                zip(self.counts, self.scalars, self.states, strict=True)
            )
        }
        assert_same(params_of(optimizer), self.params, "parameters")
        assert_same(dictionary["state"], states, "state")
        assert dictionary["steps"] == optimizer.steps == self.steps
        assert dictionary["seed"] == optimizer.seed == self.storage.get("seed", 0)
        assert_same(optimizer.copies, self.copies, "copies")
        assert optimizer.skipped_steps == self.skipped


def rows_and_values(grad: Any, working: np.dtype[Any]) -> tuple[Array | None, Array]:
    """Return the rows that a gradient is of, or None for all, and what each is stepped by."""
    if not isinstance(grad, RowGradient):
        return None, grad.astype(working)
    rows, values = summed(RowGradient(grad.rows, grad.values.astype(working)))
    return np.array(rows, np.int64), values


def params_of(optimizer: Any) -> list[Array]:
    """Return the parameters of all groups, in the order in which gradients are given."""
    return [param for group in optimizer.param_groups for param in group["params"]]


def assert_same(actual: Any, expected: Any, what: str = "") -> None:
    """Fail unless nested containers agree: arrays bit for bit, all else in type and value."""
    if isinstance(expected, np.ndarray):
        assert isinstance(actual, np.ndarray), f"{what}: {actual!r} is no array"
        if expected.dtype in (*DTYPES, *HALVES):
            assert_same_bits(actual, expected, what)
        else:
            assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape), what
            assert actual.tobytes() == expected.tobytes(), what
    elif isinstance(expected, Mapping):
        assert set(actual) == set(expected), what
        for key, value in expected.items():
            assert_same(actual[key], value, f"{what}[{key!r}]")
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected), what
        for index, value in enumerate(expected):
            assert_same(actual[index], value, f"{what}[{index}]")
    else:
        assert type(actual) is type(expected), f"{what}: {actual!r} is not {expected!r}"
        assert actual == expected, what


def copied(arrays: Sequence[Array]) -> list[Array]:
    """Return plain arrays of their own memory with the same values."""
    return [np.array(array) for array in arrays]


def random_arrays(like: Sequence[Array], seed: int) -> list[Array]:
    """Return normally distributed arrays with the shapes and dtypes of `like`."""
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(array.shape), array.dtype) for array in like]


def alone(arrays: Sequence[Any]) -> Any:
    """Return the one array of a sequence: the structure of an optimizer of a single array."""
    (array,) = arrays
    return array


def named(names: str) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """Return what makes a sequence a mapping, with a letter as the name of each array."""
    return lambda arrays: dict(zip(names, arrays, strict=True))


def pickled(protocol: int) -> Callable[[Any], Any]:
    """Return what pickles a value and brings it back."""
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


COPIES = {"deepcopy": copy.deepcopy} | {
    f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
}
"""Every way to copy a value with all that it holds."""

each_way = pytest.mark.parametrize("duplicate", COPIES.values(), ids=list(COPIES))


@contextlib.contextmanager
def refused(
    error: type[Exception] | tuple[type[Exception], ...],
    match: str,
    optimizer: Any,
    *others: Array,
    structure: Callable[[list[Array]], Any] = list,
) -> Iterator[None]:
    """Assert that the block raises `error` and changes neither `optimizer` nor the arrays `others`.

    The next step, too, is the one that an untouched copy of the optimizer takes; its gradients come
    in `structure`.
    """
    twin = copy.deepcopy(optimizer)
    before = [optimizer.state_dict(), copied(params_of(optimizer)), copied(others)]
    with pytest.raises(error, match=match):
        yield
    assert_same([optimizer.state_dict(), params_of(optimizer), list(others)], before, "after")
    for each in (optimizer, twin):
        each.step(structure(random_arrays(params_of(each), seed=7)))
    assert_same(
        [optimizer.state_dict(), params_of(optimizer)],
        [twin.state_dict(), params_of(twin)],
        "after the next step",
    )
