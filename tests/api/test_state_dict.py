"""State dictionaries: their layout, what goes in and out, what is refused."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import (
    DEFAULTS,
    OPTIMIZERS,
    RULES,
    Model,
    Options,
    assert_same,
    copied,
    decay_of,
    each_class,
    each_variant,
    initial_states,
    make,
    params_of,
    random_arrays,
    refused,
)
from tests.cases import Array, state_shape
from tests.optimizers import DESCRIPTIONS


def parameters() -> list[Array]:
    return random_arrays([np.empty((2, 3)), np.empty(4, np.float32), np.empty(())], seed=2)


def stepped(name: str, params: Any, steps: int = 3, **options: Any) -> Any:
    optimizer = make(name, params, **options)
    for seed in range(steps):
        optimizer.step(random_arrays(params_of(optimizer), seed))
    return optimizer


def named_optimizer() -> Any:
    w, b, scale = parameters()
    optimizer = instep.Adam([{"params": {"w": w, "b": b}}, {"params": {"scale": scale}}])
    for seed in range(3):
        optimizer.step(random_arrays([w, b, scale], seed))
    return optimizer


def halving(step: int) -> float:
    return 0.5**step


@each_variant
def test_layout(name: str, options: Options) -> None:
    params = parameters()
    optimizer = stepped(name, params, **options)
    optimizer.step([None, *random_arrays(params[1:], 3)])
    dictionary = optimizer.state_dict()
    states = initial_states(name, DEFAULTS[name] | options)

    assert set(dictionary) == {"state", "param_groups", "steps", "seed"}
    assert dictionary["steps"] == 4
    assert list(dictionary["state"]) == [0, 1, 2]
    assert [state["step"] for state in dictionary["state"].values()] == [3, 4, 4]
    for param, state in zip(params, dictionary["state"].values(), strict=True):
        assert type(state["step"]) is int
        scalars = DESCRIPTIONS[RULES[name]].scalars
        shapes = {key: state_shape(RULES[name], key, param.shape) for key in states}
        shapes = {key: shape for key, shape in shapes.items() if shape is not None}
        assert list(state) == ["step", *scalars, *shapes]
        assert all(type(state[key]) is float for key in scalars)
        for key, shape in shapes.items():
            assert type(state[key]) is np.ndarray
            assert (state[key].dtype, state[key].shape) == (param.dtype, shape)
    (group,) = dictionary["param_groups"]
    assert group == {**optimizer.param_groups[0], "params": [0, 1, 2]}
    assert {key: group[key] for key in DEFAULTS[name]} == DEFAULTS[name] | options
    for container in (dictionary, dictionary["state"], dictionary["state"][0], group):
        assert type(container) is dict


@pytest.mark.parametrize(("name", "state"), [("Adagrad", "sum"), ("RMSprop", "square_avg")])
def test_layout_before_the_first_step(name: str, state: str) -> None:
    dictionary = make(name, parameters(), initial_accumulator_value=0.5).state_dict()
    assert dictionary["steps"] == 0
    for param, saved in zip(parameters(), dictionary["state"].values(), strict=True):
        assert_same(saved, {"step": 0, state: np.full_like(param, 0.5)})


def test_layout_of_groups_and_names() -> None:
    w, b, scale = parameters()
    groups = [{"params": {"w": w, "b": b}, "lr": 0.5}, {"params": {"scale": scale}}]
    dictionary = make("SGD", groups).state_dict()
    first, second = dictionary["param_groups"]
    assert (first["params"], first["param_names"], first["lr"]) == ([0, 1], ["w", "b"], 0.5)
    assert (second["params"], second["param_names"], second["lr"]) == ([2], ["scale"], 1e-3)


def test_layout_of_a_mapping_and_of_a_single_array() -> None:
    w, b, _ = parameters()
    (group,) = instep.SGD({"w": w, "b": b}).state_dict()["param_groups"]
    assert (group["params"], group["param_names"]) == ([0, 1], ["w", "b"])
    (group,) = instep.SGD(w).state_dict()["param_groups"]
    assert group["params"] == [0]
    assert "param_names" not in group


@each_variant
def test_a_round_trip_continues_bit_for_bit(name: str, options: Options) -> None:
    params = parameters()
    optimizer = stepped(name, params, **options)
    resumed = make(name, copied(params), **{**options, "lr": 0.75})
    resumed.load_state_dict(optimizer.state_dict())
    for seed in range(10, 13):
        grads = random_arrays(params, seed)
        optimizer.step(grads)
        resumed.step(grads)
    assert_same(params_of(resumed), params)
    assert_same(resumed.state_dict(), optimizer.state_dict())


@each_variant
def test_what_has_names_is_loaded_by_name(name: str, options: Options) -> None:
    first = dict(zip("wbs", parameters(), strict=True))
    optimizer = make(name, first, **options)
    for seed in range(2):
        grads = dict(zip("wbs", random_arrays(list(first.values()), seed), strict=True))
        optimizer.step(grads | {"b": None})
    second = {key: first[key].copy() for key in "sbw"}
    resumed = make(name, second, **options)
    resumed.load_state_dict(optimizer.state_dict())
    saved, loaded = (each.state_dict() for each in (optimizer, resumed))
    assert_same([loaded["state"][k] for k in (2, 1, 0)], list(saved["state"].values()))
    for each in (optimizer, resumed):
        each.step(grads)
    assert_same([second[key] for key in "wbs"], list(first.values()))


@each_variant
def test_loading_takes_hyperparameters_counts_and_states(name: str, options: Options) -> None:
    params = parameters()
    model = Model(name, params, **options)
    optimizer = stepped(name, params, **options)
    for seed in range(3):
        model.step(random_arrays(params, seed))
    dictionary = optimizer.state_dict()
    changed = {"lr": 0.375, "maximize": True, **decay_of(name, 0.25)}
    dictionary["param_groups"][0] |= changed
    for index, state in dictionary["state"].items():
        state["step"] = model.counts[index] = 10 + index
        for key in model.states[index]:
            state[key] = model.states[index][key] = np.full_like(state[key], 0.5)
    dictionary["steps"] = model.steps = 20
    model.groups[0] |= changed
    optimizer.load_state_dict(dictionary)
    grads = random_arrays(params, 3)
    optimizer.step(grads)
    model.step(grads)
    model.assert_equals(optimizer)


@each_variant
def test_copies_go_both_ways(name: str, options: Options) -> None:
    optimizer = stepped(name, parameters(), **options)
    dictionary = optimizer.state_dict()
    kept = copy.deepcopy(dictionary)
    optimizer.step(random_arrays(params_of(optimizer), 5))
    assert_same(dictionary, kept, "stepping must not write to the dictionary")

    optimizer.load_state_dict(dictionary)
    optimizer.step(random_arrays(params_of(optimizer), 6))
    assert_same(dictionary, kept, "loading must copy")

    now = optimizer.state_dict()
    scribble(dictionary)
    scribble(optimizer.state_dict())
    assert_same(optimizer.state_dict(), now, "writing to a dictionary must not reach the states")


def scribble(dictionary: Any) -> None:
    for state in dictionary["state"].values():
        for value in state.values():
            if isinstance(value, np.ndarray):
                value[...] = 99.0
        state["step"] = 99
    for group in dictionary["param_groups"]:
        group["lr"] = 99.0
        group["params"].clear()


def test_states_load_from_any_layout_and_memory() -> None:
    param = np.zeros((3, 4), order="F")
    optimizer = instep.SGD(param, lr=1.0, momentum=1.0)
    dictionary = optimizer.state_dict()
    buffer = np.arange(24.0).reshape(4, 6)[:, ::2].T
    buffer.setflags(write=False)
    dictionary["state"][0] = {"step": 1, "momentum_buffer": buffer}
    optimizer.load_state_dict(dictionary)
    optimizer.step(np.ones((3, 4)))
    assert_same(param, np.asarray(-(buffer + 1.0)))


def test_the_parameters_own_buffer_may_be_loaded_as_a_state() -> None:
    param = np.ones(3)
    optimizer = instep.SGD(param, lr=1.0, momentum=1.0)
    dictionary = optimizer.state_dict()
    dictionary["state"][0] |= {"step": 1, "momentum_buffer": param}
    optimizer.load_state_dict(dictionary)
    optimizer.step(np.zeros(3))
    optimizer.step(np.zeros(3))
    assert param.tolist() == [-1.0] * 3


NOT_IN_OLDER_TORCH = {"decoupled_weight_decay", "maximize"}


@pytest.mark.parametrize("other", DEFAULTS)
@each_class
def test_dictionaries_of_other_classes(name: str, other: str) -> None:
    """A class takes those of one that has the same states and all of its hyperparameters."""
    optimizer = stepped(name, parameters())
    options: Options = {"momentum": 0.5} if other == "SGD" else {}
    dictionary = stepped(other, parameters(), **options).state_dict()
    (group,) = dictionary["param_groups"]
    rule = optimizer._rule
    if (
        shapes_of(optimizer.state_dict()) == shapes_of(dictionary)
        and optimizer.param_groups[0].keys() <= {*group, *rule.not_in_torch, *NOT_IN_OLDER_TORCH}
        and all(group.get(key, value) == value for key, value in OPTIMIZERS[name].constants.items())
    ):
        optimizer.load_state_dict(dictionary)
    else:
        with refused((ValueError, KeyError), "state|param_groups|expected", optimizer):
            optimizer.load_state_dict(dictionary)


def shapes_of(dictionary: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what a dictionary has of the first parameter; numbers have none."""
    return {name: np.shape(value) for name, value in dictionary["state"][0].items()}


def test_a_dictionary_of_torch_with_other_indices_loads() -> None:
    """torch numbers parameters from 0 in each dictionary, but other tools keep their own keys."""
    optimizer = stepped("Adam", parameters())
    dictionary = optimizer.state_dict()
    state = dictionary["state"]
    dictionary["state"] = {index + 5: state[index] for index in reversed(state)}
    dictionary["param_groups"][0]["params"] = [5, 6, 7]
    other = make("Adam", parameters())
    other.load_state_dict(dictionary)
    assert_same(other.state_dict(), optimizer.state_dict())


def test_without_steps_the_largest_count_is_taken() -> None:
    asked: list[int] = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 0.5

    optimizer = make("Adam", parameters(), lr=schedule)
    dictionary = stepped("Adam", parameters()).state_dict()
    del dictionary["steps"]
    dictionary["state"][1]["step"] = 11
    optimizer.load_state_dict(dictionary)
    assert optimizer.state_dict()["steps"] == 11
    optimizer.step(random_arrays(parameters(), 0))
    assert asked == [11]


def test_a_schedule_stays_and_its_count_is_restored() -> None:
    asked: list[int] = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 1.0 / (1.0 + step)

    optimizer = stepped("Adam", parameters(), lr=schedule)
    dictionary = optimizer.state_dict()
    assert dictionary["param_groups"][0]["lr"] == 1.0 / 3.0
    resumed = make("Adam", parameters(), lr=schedule)
    asked.clear()
    resumed.load_state_dict(dictionary)
    assert resumed.lr is schedule
    resumed.step(random_arrays(parameters(), 5))
    assert asked == [3]


def test_a_refused_dictionary_leaves_the_schedule() -> None:
    optimizer = stepped("Adam", parameters(), lr=halving)
    dictionary = optimizer.state_dict()
    dictionary["steps"] = 17
    for wrong in (math.nan, "fast", halving):
        dictionary["param_groups"][0]["lr"] = wrong
        with refused((TypeError, ValueError), "lr", optimizer):
            optimizer.load_state_dict(dictionary)


def test_a_number_takes_the_place_of_no_schedule() -> None:
    dictionary = stepped("SGD", parameters(), lr=lambda _: 0.125).state_dict()
    optimizer = make("SGD", parameters(), lr=0.5)
    optimizer.load_state_dict(dictionary)
    assert optimizer.lr == 0.125


def test_a_schedule_that_was_not_yet_asked_has_a_value_that_loads() -> None:
    optimizer = make("SGD", parameters(), lr=lambda _: 0.125)
    dictionary = optimizer.state_dict()
    make("SGD", parameters()).load_state_dict(dictionary)
    optimizer.load_state_dict(dictionary)


def test_loading_a_dictionary_into_its_own_optimizer_changes_nothing() -> None:
    optimizer = named_optimizer()
    dictionary = optimizer.state_dict()
    optimizer.load_state_dict(dictionary)
    assert_same(optimizer.state_dict(), dictionary)
