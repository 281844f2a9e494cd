"""Optimizers take the reference's steps, in whatever structure their parameters come."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import (
    DEFAULTS,
    Model,
    Options,
    decay_of,
    each_class,
    each_variant,
    make,
    named,
    params_of,
    random_arrays,
    refused,
)
from tests.cases import Array

MIXED = (np.float32, np.float64, np.float32)
DTYPES: dict[str, Sequence[type]] = {
    "float32": [np.float32] * 3,
    "float64": [np.float64] * 3,
    "mixed": MIXED,
}


def parameters(dtypes: Sequence[type] = MIXED) -> list[Array]:
    shapes = [(5, 7), (), (3,)]
    return random_arrays(
        [np.empty(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)], seed=1
    )


@pytest.mark.parametrize("dtypes", DTYPES.values(), ids=list(DTYPES))
@each_variant
def test_steps_equal_the_reference(name: str, options: Options, dtypes: Sequence[type]) -> None:
    params = parameters(dtypes)
    model = Model(name, params, **options)
    optimizer = make(name, params, **options)
    for seed in range(5):
        grads = random_arrays(params, seed)
        optimizer.step(grads)
        model.step(grads)
        model.assert_equals(optimizer)
    assert all(mine is given for mine, given in zip(params_of(optimizer), params, strict=True))


@each_class
def test_defaults(name: str) -> None:
    group = make(name, np.zeros(2)).param_groups[0]
    assert {key: group[key] for key in DEFAULTS[name]} == DEFAULTS[name]


@each_class
def test_repr_shows_class_and_hyperparameters(name: str) -> None:
    shown = repr(make(name, np.zeros(2), lr=0.125))
    assert name in shown
    assert "0.125" in shown
    for key in DEFAULTS[name]:
        assert key in shown


def test_repr_shows_every_group() -> None:
    groups = [{"params": [np.zeros(2)]}, {"params": [np.zeros(2)], "lr": 0.375}]
    optimizer = make("SGD", groups)
    assert "0.001" in repr(optimizer)
    assert "0.375" in repr(optimizer)


@each_class
def test_step_returns_none(name: str) -> None:
    assert make(name, np.zeros(2)).step(np.ones(2)) is None


# How the parameters are given, and the gradients for them, both from flat lists.
STRUCTURES: dict[str, tuple[Callable[[Sequence[Array]], Any], Callable[[Sequence[Any]], Any]]] = {
    "list": (list, list),
    "tuple": (tuple, tuple),
    "list, gradients in a tuple": (list, tuple),
    "iterators": (iter, iter),
    "mapping": (named("abc"), named("abc")),
    "mapping, gradients in another order": (
        named("abc"),
        lambda arrays: dict(reversed(named("abc")(arrays).items())),
    ),
    "mappings that are no dictionaries": (
        lambda arrays: MappingProxyType(named("abc")(arrays)),
        lambda arrays: MappingProxyType(named("abc")(arrays)),
    ),
    "groups": (lambda arrays: [{"params": arrays[:1]}, {"params": arrays[1:]}], list),
    "groups in a tuple": (lambda arrays: ({"params": tuple(arrays)},), list),
    "groups of single arrays": (lambda arrays: [{"params": array} for array in arrays], tuple),
    "groups of mappings": (
        lambda arrays: [{"params": named("a")(arrays[:1])}, {"params": named("bc")(arrays[1:])}],
        list,
    ),
}


@pytest.mark.parametrize(("outer", "inner"), STRUCTURES.values(), ids=list(STRUCTURES))
def test_structures(
    outer: Callable[[Sequence[Array]], Any], inner: Callable[[Sequence[Any]], Any]
) -> None:
    params = parameters()
    model = Model("Adam", params)
    optimizer = make("Adam", outer(params))
    for seed, pattern in enumerate([(1, 1, 1), (0, 1, 0), (1, 0, 1)]):
        grads = [
            grad if present else None
            for grad, present in zip(random_arrays(params, seed), pattern, strict=True)
        ]
        optimizer.step(inner(grads))
        model.step(grads)
        model.assert_equals(optimizer)


def test_a_single_array() -> None:
    (param,) = params = parameters()[:1]
    model = Model("Adam", params)
    optimizer = make("Adam", param)
    for grad in (*random_arrays(params, 0), None, *random_arrays(params, 1)):
        optimizer.step(grad)
        model.step([grad])
        model.assert_equals(optimizer)


@each_class
def test_groups_have_options_of_their_own(name: str) -> None:
    params = parameters()
    options: list[Options] = [{}, {"lr": 0.25, "maximize": True}, decay_of(name, 0.5)]
    model = Model(name, params[:1], lr=0.125)
    for param, own in zip(params[1:], options[1:], strict=True):
        model.add_group([param], **{"lr": 0.125, **own})
    optimizer = make(
        name,
        [{"params": [param], **own} for param, own in zip(params, options, strict=True)],
        lr=0.125,
    )
    for seed in range(3):
        grads = random_arrays(params, seed)
        optimizer.step(grads)
        model.step(grads)
        model.assert_equals(optimizer)


def test_groups_may_differ_in_their_states() -> None:
    params = parameters()
    model = Model("RMSprop", params[:1])
    model.add_group(params[1:], momentum=0.9, centered=True)
    optimizer = make(
        "RMSprop",
        [{"params": params[0]}, {"params": params[1:], "momentum": 0.9, "centered": True}],
    )
    for seed in range(3):
        grads = random_arrays(params, seed)
        optimizer.step(grads)
        model.step(grads)
        model.assert_equals(optimizer)


@each_variant
def test_none_skips_and_does_not_count(name: str, options: Options) -> None:
    params = parameters()
    model = Model(name, params, **options)
    optimizer = make(name, params, **options)
    for seed, pattern in enumerate(itertools.product([True, False], repeat=3)):
        grads = [
            grad if present else None
            for grad, present in zip(random_arrays(params, seed), pattern, strict=True)
        ]
        optimizer.step(grads)
        model.step(grads)
        model.assert_equals(optimizer)
    assert model.counts == [4, 4, 4]
    assert optimizer.state_dict()["steps"] == 8


class Recorded:
    """A learning-rate schedule that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, step: int) -> float:
        self.asked.append(step)
        return 0.5 / (1.0 + step)


@each_class
def test_a_schedule_receives_each_step_once(name: str) -> None:
    params = parameters()
    schedule = Recorded()
    model = Model(name, params[:1], lr=lambda step: 0.5 / (1.0 + step))
    model.add_group(params[1:], lr=lambda step: 0.5 / (1.0 + step), **decay_of(name, 0.25))
    optimizer = make(
        name, [{"params": params[0]}, {"params": params[1:], **decay_of(name, 0.25)}], lr=schedule
    )
    assert schedule.asked == []
    for seed, pattern in enumerate([(1, 1, 1), (0, 0, 0), (0, 1, 1), (1, 0, 0)]):
        grads = [
            grad if present else None
            for grad, present in zip(random_arrays(params, seed), pattern, strict=True)
        ]
        optimizer.step(grads)
        model.step(grads)
        model.assert_equals(optimizer)
    assert schedule.asked == [0, 1, 2, 3]
    assert all(type(step) is int for step in schedule.asked)


def test_each_group_may_have_its_schedule() -> None:
    schedules = [Recorded(), Recorded()]
    params = parameters()[:2]
    optimizer = instep.SGD(
        [
            {"params": [param], "lr": schedule}
            for param, schedule in zip(params, schedules, strict=True)
        ]
    )
    for seed in range(3):
        optimizer.step(random_arrays(params, seed))
    assert [schedule.asked for schedule in schedules] == [[0, 1, 2], [0, 1, 2]]


def test_a_schedule_may_be_set_and_replaced_between_steps() -> None:
    param = np.zeros(1)
    optimizer = instep.SGD(param, lr=1.0)
    optimizer.step(np.ones(1))
    optimizer.lr = lambda step: 10.0 * step
    optimizer.step(np.ones(1))
    optimizer.step(np.ones(1))
    optimizer.lr = 100.0
    optimizer.step(np.ones(1))
    assert param[0] == -(1.0 + 10.0 + 20.0 + 100.0)


def test_a_refused_step_does_not_advance_the_schedule() -> None:
    param = np.zeros(2)
    schedule = Recorded()
    optimizer = instep.SGD(param, lr=schedule)
    optimizer.step(np.ones(2))
    with pytest.raises(ValueError, match="shape"):
        optimizer.step(np.ones(3))
    optimizer.step(np.ones(2))
    assert schedule.asked[0] == 0
    assert set(schedule.asked[1:]) == {1}
    assert param[0] == -(0.5 + 0.25)


@pytest.mark.parametrize(
    ("rate", "error"),
    [
        (math.nan, ValueError),
        (-1.0, ValueError),
        (math.inf, ValueError),  # such as 1 / step at step 0
        ("0.1", TypeError),
        (None, TypeError),
        (1j, TypeError),
        ([0.1], TypeError),
        (abs, TypeError),
    ],
)
def test_a_schedule_must_give_a_learning_rate(rate: Any, error: type[Exception]) -> None:
    params = parameters()
    wanted: list[Any] = [0.5]
    optimizer = instep.Adam(params, lr=lambda _: wanted[0])
    optimizer.step(random_arrays(params, 0))
    grads = random_arrays(params, 1)
    with refused(error, "lr", optimizer, *grads):
        wanted[0] = rate
        try:
            optimizer.step(grads)
        finally:
            wanted[0] = 0.5


def test_an_exception_of_a_schedule_propagates() -> None:
    class EndOfTrainingError(Exception):
        pass

    def schedule(step: int) -> float:
        if broken:
            raise EndOfTrainingError("enough")
        return 0.5

    broken = False
    params = parameters()
    optimizer = instep.Adam(params, lr=schedule)
    optimizer.step(random_arrays(params, 0))
    grads = random_arrays(params, 1)
    with refused(EndOfTrainingError, "enough", optimizer, *grads):
        broken = True
        try:
            optimizer.step(grads)
        finally:
            broken = False


REENTRIES: dict[str, Callable[[Any], Any]] = {
    "step": lambda optimizer: optimizer.step([None, None, None]),
    "state_dict": lambda optimizer: optimizer.state_dict(),
    "load_state_dict": lambda optimizer: optimizer.load_state_dict(
        make("Adam", parameters()).state_dict()
    ),
    "add_param_group": lambda optimizer: optimizer.add_param_group({"params": np.zeros(2)}),
    "attribute": lambda optimizer: setattr(optimizer, "lr", 0.25),
    "group": lambda optimizer: optimizer.param_groups[0].update(lr=0.25),
    "copy": copy.deepcopy,
}


@pytest.mark.parametrize("reenter", REENTRIES.values(), ids=list(REENTRIES))
def test_a_schedule_may_not_reach_into_its_own_step(reenter: Callable[[Any], Any]) -> None:
    def schedule(step: int) -> float:
        if reentering:
            reenter(optimizer)
        return 0.5

    reentering = False
    optimizer = instep.Adam(parameters(), lr=schedule)
    grads = random_arrays(parameters(), 0)
    optimizer.step(grads)
    with refused(RuntimeError, "in the middle of a step", optimizer, *grads):
        reentering = True
        try:
            optimizer.step(grads)
        finally:
            reentering = False


def test_a_schedule_may_read_its_optimizer() -> None:
    read: list[Any] = []

    def schedule(step: int) -> float:
        read.append((optimizer.lr, optimizer.momentum, repr(optimizer)))
        return 0.5

    optimizer = instep.SGD(np.zeros(2), lr=schedule, momentum=0.75)
    optimizer.step(np.ones(2))
    assert read[0][:2] == (schedule, 0.75)
