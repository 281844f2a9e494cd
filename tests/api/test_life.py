"""An optimizer's whole life, drawn by Hypothesis, against the model."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import instep
from tests.api.model import (
    DEFAULTS,
    RULES,
    VARIANTS,
    Model,
    Options,
    copied,
    make,
    narrow_states,
    params_of,
    random_arrays,
)
from tests.cases import DTYPES, HALVES, Array
from tests.optimizers import DESCRIPTIONS
from tests.processes import assert_success, run_scenario, start_child

shapes = st.sampled_from([(), (0,), (1,), (3,), (2, 3), (3, 2, 2)])
layouts = st.sampled_from(["C", "F", "strided"])
dtypes = st.sampled_from([*DTYPES, *HALVES])
seeds = st.integers(0, 2**32 - 1)
roundings = st.sampled_from(["nearest", "stochastic"])
special_values = st.sampled_from([0.0, -0.0, 1e-310, 1e-42, 1e30, np.inf, -np.inf, np.nan])
rates = st.sampled_from([1e-3, 0.5, 2.0])
decays = st.sampled_from([0.0, 1e-3, 0.5, 2.0])
bounds = st.sampled_from([0.0, 1e-3, 0.5, 100.0, np.inf])
scales = st.sampled_from([1.0, 1.0, 0.25, 3.0, 1e30])

ENDINGS = ["npz", "safetensors"]


@st.composite
def storages(draw: st.DrawFn, name: str, options: Options) -> dict[str, Any]:
    """Draw how an optimizer stores: states of any types, and either rounding or masters."""
    states = narrow_states(name, options)
    halves = st.sampled_from([None, *HALVES])
    storage = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "state_dtype": st.fixed_dictionaries(dict.fromkeys(states, halves)),
                "state_rounding": roundings,
                "seed": st.integers(0, 2**64 - 1),
            },
        )
    )
    kept: dict[str, Any] = draw(
        st.sampled_from(
            [
                {},
                {"master_weight_bits": 32},
                {"param_rounding": "nearest"},
                {"param_rounding": "stochastic"},
            ]
        )
    )
    return storage | kept


def schedule(step: int) -> float:
    return 1.0 / (2.0 + step)


def every_other(step: int) -> bool:
    return step % 2 == 1


@st.composite
def laid_out(draw: st.DrawFn, values: Array) -> Array:
    """Draw an array of these values, in any layout."""
    layout = draw(layouts)
    if layout == "strided" and values.ndim > 0:
        spread = np.repeat(values, 2, axis=-1)[..., ::-2]
        spread[...] = values
        return spread
    return np.array(values, order="F" if layout == "F" else "C")


@st.composite
def arrays(draw: st.DrawFn, dtypes: st.SearchStrategy[np.dtype[Any]]) -> Array:
    """Draw a parameter of one of these dtypes, any shape and layout."""
    (values,) = random_arrays([np.empty(draw(shapes), draw(dtypes))], draw(seeds))
    return draw(laid_out(values))


@st.composite
def copies_of(draw: st.DrawFn, params: Sequence[Array]) -> list[Array | None]:
    """Draw what gets each of the parameters, if anything does."""
    types = st.sampled_from([None, None, np.dtype(np.float32), *HALVES])
    drawn = [draw(types) for _ in params]
    return [
        None if dtype is None else draw(laid_out(np.zeros(param.shape, dtype)))
        for param, dtype in zip(params, drawn, strict=True)
    ]


@st.composite
def gradients(draw: st.DrawFn, dense: Array, *, rows: bool) -> Any:
    """Draw a gradient, or None, of the shape of `dense`, in any layout or, if it may, of `rows`.

    It has that dtype or one of 16 bits.
    """
    with np.errstate(over="ignore"):
        dense = dense.astype(draw(st.sampled_from([dense.dtype, dense.dtype, *HALVES])))
    kinds = ["dense", "reversed", "broadcast", *["rows"] * rows, "none"]
    kind = draw(st.sampled_from(kinds))
    if kind == "none":
        return None
    if dense.ndim == 0 or kind == "dense":
        return dense
    if kind == "reversed":
        return np.array(dense[..., ::-1], order="F")[..., ::-1]
    if kind == "broadcast":
        return np.broadcast_to(dense[:1], dense.shape)
    named = draw(st.lists(st.integers(0, max(0, len(dense) - 1)), max_size=5 * len(dense)))
    return instep.RowGradient(np.array(named, np.int32), dense[named])


@contextlib.contextmanager
def as_the_model(model: Model, grads: list[Any], scale: float) -> Iterator[None]:
    """Let the model step, and assert that the block raises what it does."""
    try:
        model.step(grads, scale)
    except FloatingPointError:
        with pytest.raises(FloatingPointError, match="not at index"):
            yield
    else:
        yield


def one_element_more(array: Array) -> Array:
    return np.append(array, array.dtype.type(1.0))


VAIN: list[Callable[[Any, list[Array]], None]] = [
    lambda it, grads: it.step([grad.astype(np.int16) for grad in grads]),
    lambda it, grads: it.step([*grads[:-1], one_element_more(grads[-1])]),
    lambda it, grads: it.step({"unknown": grads[0]}),
    lambda it, _: it.rebind({"unknown": np.ones(2)}),
    lambda it, _: it.rebind(np.ones((2, 2))),
    lambda it, _: setattr(it, "lr", -1.0),
    lambda it, _: it.param_groups[-1].update(lr=0.25, colour=1.0),
    lambda it, _: it.param_groups[0].update(weight_decay=0.25, lr=float("nan")),
    lambda it, _: it.load_state_dict({}),
    lambda it, _: it.load_state_dict(it.state_dict() | {"steps": -1}),
    lambda it, _: it.add_param_group({"params": []}),
    lambda it, _: it.load_state_dict(it.state_dict() | {"seed": 2**64}),
    lambda it, grads: it.add_param_group({"params": grads, "lr": -1.0}),
    lambda it, _: it.add_param_group({"params": {"x": np.ones(2)}}, copies={"x": np.ones(2)}),
    lambda it, _: it.add_param_group({"params": [np.ones(2), np.ones(2, int)]}),
]
"""Calls that every optimizer refuses, given gradients that it would take."""


class Life(RuleBasedStateMachine):
    """The optimizer and the model go through the same, and must agree after each event."""

    @initialize(
        variant=st.sampled_from(VARIANTS),
        lr=st.one_of(rates, st.just(schedule)),
        named=st.booleans(),
        narrow=st.booleans(),
        data=st.data(),
    )
    def construct(
        self, variant: tuple[str, Options], lr: Any, named: bool, narrow: bool, data: st.DataObject
    ) -> None:
        self.name, options = variant
        self.options = {**options, "lr": lr}
        self.named = named
        self.storage = data.draw(storages(self.name, options)) if narrow else {}
        params = data.draw(st.lists(self.arrays(), min_size=1, max_size=3))
        copies = data.draw(copies_of(params))
        self.model = Model(self.name, params, storage=self.storage, copies=copies, **self.options)
        self.optimizer = make(
            self.name,
            self.structured(params),
            copies=self.structured(copies),
            **self.storage,
            **self.options,
        )

    def arrays(self) -> st.SearchStrategy[Array]:
        """Return what draws a parameter."""
        masters = "master_weight_bits" in self.storage  # which float16 has not
        return arrays(dtypes.filter(lambda dtype: not (masters and dtype == np.float16)))

    def structured(self, arrays: Sequence[Any], first: int = 0) -> Any:
        """Return what belongs to the parameters from `first` on in the optimizer's structure."""
        if not self.named:
            return list(arrays)
        return {f"parameter {first + k}": array for k, array in enumerate(arrays)}

    @rule(seed=seeds, special=st.none() | special_values, scale=scales, data=st.data())
    def step(self, seed: int, special: float | None, scale: float, data: st.DataObject) -> None:
        grads = []
        takes_rows = DESCRIPTIONS[RULES[self.name]].takes_rows
        for grad in random_arrays(self.model.params, seed):
            if special is not None:
                with np.errstate(over="ignore"):
                    grad.flat[:1] = special
            grads.append(data.draw(gradients(grad, rows=takes_rows)))
        with as_the_model(self.model, grads, scale):
            self.optimizer.step(self.structured(grads), grad_scale=scale)

    @rule(
        clip_norm=st.none() | bounds,
        clip_value=st.none() | bounds,
        nonfinite=st.sampled_from(["propagate", "raise", "skip"]),
    )
    def change_what_is_done_to_gradients(
        self, clip_norm: float | None, clip_value: float | None, nonfinite: str
    ) -> None:
        self.optimizer.clip_norm = clip_norm
        self.optimizer.clip_value = clip_value
        self.optimizer.nonfinite = nonfinite
        self.model.conditions = {"clip_norm": clip_norm, "clip_value": clip_value}
        self.model.nonfinite = nonfinite

    @precondition(lambda _: hasattr(os, "fork"))
    @rule(seed=seeds)
    def fork(self, seed: int) -> None:
        """The child steps as this process would, and leaves it alone."""
        grads = random_arrays(self.model.params, seed)

        def child() -> None:
            with as_the_model(self.model, grads, 1.0):
                self.optimizer.step(self.structured(grads))
            self.the_model_agrees()

        assert_success(start_child(child))

    @rule(
        data=st.data(),
        lr=st.one_of(rates, st.just(schedule)),
        decay=st.one_of(st.none(), decays, st.just(schedule)),
    )
    def change_a_group(self, data: st.DataObject, lr: Any, decay: Any) -> None:
        index = data.draw(st.integers(0, len(self.model.groups) - 1))
        change = {"lr": lr}
        if decay is not None and "weight_decay" in DEFAULTS[self.name]:
            change["weight_decay"] = decay
        self.optimizer.param_groups[index].update(change)
        self.model.groups[index].update(change)

    @rule(maximize=st.one_of(st.booleans(), st.just(every_other)))
    def change_all_groups(self, maximize: Any) -> None:
        self.optimizer.maximize = maximize
        for group in self.model.groups:
            group["maximize"] = maximize

    @precondition(lambda self: len(self.model.groups) < 3)
    @rule(data=st.data(), lr=rates)
    def add_a_group(self, data: st.DataObject, lr: float) -> None:
        params = data.draw(st.lists(self.arrays(), min_size=1, max_size=2))
        copies = data.draw(copies_of(params))
        first = len(self.model.params)
        added = {"params": self.structured(params, first), "lr": lr}
        self.optimizer.add_param_group(added, copies=self.structured(copies, first))
        self.model.add_group(params, copies, **{**self.options, "lr": lr})

    @rule(data=st.data())
    def move_to_other_arrays(self, data: st.DataObject) -> None:
        """Of any layout, with the values that the parameters have."""
        former = params_of(self.optimizer)
        others = [data.draw(laid_out(np.array(param))) for param in former]
        self.optimizer.rebind(self.structured(others))
        self.model.write_copies()
        for param in former:
            param[...] = 7.0  # it is nobody's any more

    @rule()
    def begin_anew(self) -> None:
        self.optimizer.reset()
        self.model.reset()

    @rule()
    def resume_from_a_dictionary(self) -> None:
        """Of a schedule a dictionary holds the last value: the new optimizer brings its own."""
        dictionary = self.optimizer.state_dict()
        resumed = self.made_anew()
        resumed.load_state_dict(dictionary)
        self.model.skipped = 0  # which a dictionary does not tell
        self.optimizer = resumed

    @rule(ending=st.sampled_from(ENDINGS), params=st.booleans())
    def resume_from_a_file(self, ending: str, params: bool) -> None:
        """Parameters are read into whatever the arrays hold."""
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/life.{ending}"
            self.optimizer.save(path, params=params)
            resumed = self.made_anew()
            if params:
                for param in params_of(resumed):
                    param[...] = 7.0
            resumed.load(path, params=params)
        if params:
            self.model.write_copies()
        self.optimizer = resumed

    @precondition(lambda self: self.storage)
    @rule(data=st.data(), special=special_values)
    def overwrite_a_parameter(self, data: st.DataObject, special: float) -> None:
        """A master obeys, to half a unit of what its owner sees."""
        index = data.draw(st.integers(0, len(self.model.params) - 1))
        with np.errstate(over="ignore"):
            for param in (self.model.params[index], params_of(self.optimizer)[index]):
                param[...] = special

    def made_anew(self) -> Any:
        """Return an optimizer over copies of the parameters that has not stepped yet.

        Its seed is that of a new one, until it loads another.
        """
        first, *others = [copied(group["params"]) for group in self.optimizer.param_groups]
        copies = self.model.copies = [
            None if copy_of_it is None else np.zeros_like(copy_of_it)
            for copy_of_it in self.model.copies
        ]
        given = [None if each is None else each.copy() for each in copies]
        storage = {name: option for name, option in self.storage.items() if name != "seed"}
        resumed = make(
            self.name,
            self.structured(first),
            copies=self.structured(given[: len(first)]),
            **storage,
            **self.options,
        )
        for params in others:
            start = len(params_of(resumed))
            resumed.add_param_group(
                {"params": self.structured(params, start)},
                copies=self.structured(given[start : start + len(params)], start),
            )
        for group, mine in zip(resumed.param_groups, self.model.groups, strict=True):
            changed = ("lr", "weight_decay", "maximize")
            group.update({key: mine[key] for key in changed if key in mine})
        for option in ("clip_norm", "clip_value", "nonfinite"):
            setattr(resumed, option, getattr(self.optimizer, option))
        return resumed

    @rule(duplicate=st.sampled_from([copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]))
    def continue_with_a_copy(self, duplicate: Callable[[Any], Any]) -> None:
        self.optimizer = duplicate(self.optimizer)

    @rule(call=st.sampled_from(VAIN), seed=seeds)
    def call_in_vain(self, call: Callable[[Any, list[Array]], None], seed: int) -> None:
        with pytest.raises((ValueError, TypeError, KeyError)):
            call(self.optimizer, random_arrays(self.model.params, seed))

    @invariant()
    def the_model_agrees(self) -> None:
        self.model.assert_equals(self.optimizer)
        for group, mine in zip(self.optimizer.param_groups, self.model.groups, strict=True):
            assert {key: group[key] for key in mine} == mine


def live() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(max_examples=150, stateful_step_count=30, deadline=None, print_blob=True),
    )


def test_life() -> None:
    """In a small process, which is quick to fork."""
    run_scenario(live, timeout=600)
