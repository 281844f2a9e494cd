"""Hyperparameters that are callables of the count of completed steps: each kind, in each place."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from instep.hyperparameters import Flag, Number
from tests.api.model import (
    DEFAULTS,
    assert_same,
    each_class,
    each_way,
    make,
    params_of,
    random_arrays,
    refused,
)
from tests.api.test_hyperparameters import FEW_REFUSED
from tests.cases import Array

NO_CALLABLES = [
    ("Adam", "amsgrad"),
    ("AdamW", "amsgrad"),
    ("SGD", "momentum"),
    ("SGD", "nesterov"),
    ("LARS", "momentum"),
    ("LARS", "nesterov"),
    ("RMSprop", "momentum"),
    ("RMSprop", "centered"),
    ("RMSprop", "initial_accumulator_value"),
    ("Adagrad", "initial_accumulator_value"),
    ("FTRL", "initial_accumulator_value"),
    ("RowwiseAdagrad", "initial_accumulator_value"),
]
"""What decides which states exist, or is fixed."""
CALLABLES = [
    (name, key)
    for name, defaults in DEFAULTS.items()
    for key in defaults
    if (name, key) not in NO_CALLABLES
]
each_callable = pytest.mark.parametrize(("name", "key"), CALLABLES)


@dataclass
class Cycle:
    """Returns one value after the other, and remembers what it was asked."""

    values: list[Any]
    asked: list[int] = field(default_factory=list, compare=False)

    def __call__(self, step: int) -> Any:
        self.asked.append(step)
        return self.values[step % len(self.values)]


def is_allowed(declared: Any, value: object) -> bool:
    try:
        declared.check_value(value)
    except ValueError:
        return False
    return True


def varying(name: str, key: str) -> Cycle:
    """Return what goes through different values that the hyperparameter may have."""
    declared = getattr(getattr(instep, name), key)
    default = DEFAULTS[name][key]
    if isinstance(declared, Flag):
        return Cycle([not default, default])
    if isinstance(declared, Number):
        candidates: list[Any] = [0.5, 0.125, 0.25, 1.0, 2.0]
        if not is_allowed(declared, 0.5) and not is_allowed(declared, 2.0):
            candidates = [-each for each in candidates]
    else:
        candidates = [
            tuple(each and each * factor for each in default) for factor in (0.875, 0.5, 1.0)
        ]
    values = [value for value in candidates if is_allowed(declared, value)]
    assert len(values) > 1
    return Cycle(values)


def parameters() -> list[Array]:
    return random_arrays([np.empty((2, 3)), np.empty(4, np.float32)], seed=1)


def groups(**second: Any) -> list[dict[str, Any]]:
    first, other = parameters()
    return [{"params": [first]}, {"params": [other], **second}]


def set_in_a_group(optimizer: Any, key: str, value: Any) -> None:
    optimizer.param_groups[1][key] = value


def set_in_all(optimizer: Any, key: str, value: Any) -> None:
    setattr(optimizer, key, value)


WAYS: dict[str, tuple[Callable[[str, str, Any], Any], Callable[[Any, str, Any], None]]] = {
    "constructor": (lambda name, key, value: make(name, groups(), **{key: value}), set_in_all),
    "group": (lambda name, key, value: make(name, groups(**{key: value})), set_in_a_group),
    "attribute": (
        lambda name, key, value: changed(make(name, groups()), set_in_all, key, value),
        set_in_all,
    ),
    "group item": (
        lambda name, key, value: changed(make(name, groups()), set_in_a_group, key, value),
        set_in_a_group,
    ),
}
"""How an optimizer gets a callable, and how a value is set by hand in its place."""


def changed(optimizer: Any, change: Callable[[Any, str, Any], None], key: str, value: Any) -> Any:
    change(optimizer, key, value)
    return optimizer


def step(optimizer: Any, seed: int) -> None:
    optimizer.step(random_arrays(params_of(optimizer), seed))


def assert_same_course(optimizer: Any, other: Any) -> None:
    """Assert that two optimizers of the same callables or values are at the same place."""
    assert_same(params_of(optimizer), params_of(other), "parameters")
    assert_same(optimizer.state_dict(), other.state_dict(), "state_dict")


@pytest.mark.parametrize("way", WAYS)
@each_callable
def test_steps_are_those_with_the_value_set_by_hand(name: str, key: str, way: str) -> None:
    value = varying(name, key)
    construct, set_by_hand = WAYS[way]
    scheduled, by_hand = construct(name, key, value), make(name, groups())
    assert scheduled.param_groups[1][key] is value
    assert value.asked == []
    for t in range(5):
        set_by_hand(by_hand, key, value.values[t % len(value.values)])
        step(scheduled, t)
        step(by_hand, t)
        assert_same_course(scheduled, by_hand)
    assert value.asked == [0, 1, 2, 3, 4]


@each_class
def test_all_at_once(name: str) -> None:
    values = {key: varying(name, key) for each, key in CALLABLES if each == name}
    scheduled, by_hand = make(name, groups(), **values), make(name, groups())
    for t in range(5):
        for group in by_hand.param_groups:
            group.update({key: each.values[t % len(each.values)] for key, each in values.items()})
        step(scheduled, t)
        step(by_hand, t)
        assert_same_course(scheduled, by_hand)


@pytest.mark.parametrize(("name", "key"), NO_CALLABLES)
def test_what_decides_on_states_is_none(name: str, key: str) -> None:
    match = f"^{key}: expected no callable, as it decides which states exist or is fixed"
    value = Cycle([DEFAULTS[name][key]])
    with pytest.raises(TypeError, match=match):
        make(name, groups(), **{key: value})
    with pytest.raises(TypeError, match=match):
        make(name, groups(**{key: value}))
    optimizer = make(name, groups())
    with refused(TypeError, match, optimizer):
        setattr(optimizer, key, value)
    with refused(TypeError, match, optimizer):
        optimizer.param_groups[0][key] = value
    assert value.asked == []


def test_what_a_class_decides_is_none() -> None:
    optimizer = instep.AdamW(np.ones(2))
    with refused(
        TypeError, "^decoupled_weight_decay: expected no callable", optimizer, structure=one
    ):
        optimizer.param_groups[0]["decoupled_weight_decay"] = lambda _: True


def one(arrays: list[Array]) -> Array:
    [array] = arrays
    return array


@each_callable
def test_a_class_is_none(name: str, key: str) -> None:
    match = rf"^{key}: expected a value or a callable.*pass an object of it, Cycle\(\.\.\.\)$"
    with pytest.raises(TypeError, match=match):
        make(name, groups(), **{key: Cycle})


@each_class
def test_constructors_say_which_may_be_callables(name: str) -> None:
    taken = inspect.signature(getattr(instep, name)).parameters
    told = {key for key in DEFAULTS[name] if "Schedule" in taken[key].annotation}
    assert told == {key for each, key in CALLABLES if each == name}


@pytest.mark.parametrize(
    ("name", "key", "value", "error"),
    [
        *((*case, math.inf, ValueError) for case in CALLABLES if case[1] == "lr"),
        *((*case, lambda _: 0.5, TypeError) for case in CALLABLES),
        *(case for case in FEW_REFUSED if case[:2] in CALLABLES),
    ],
)
def test_what_is_returned_is_checked(
    name: str, key: str, value: Any, error: type[Exception]
) -> None:
    good = varying(name, key).values[0]
    returned = [good]
    optimizer = make(name, groups(**{key: lambda _: returned[0]}))
    step(optimizer, 0)
    with refused(error, rf"^{key}\b", optimizer):
        returned[0] = value
        try:
            step(optimizer, 1)
        finally:
            returned[0] = good


def test_of_several_groups_the_position_is_told() -> None:
    optimizer = instep.Adam(groups(eps=lambda _: -1.0))
    with pytest.raises(ValueError, match=r"^eps: expected a number of at least 0, got -1.0") as e:
        step(optimizer, 0)
    assert e.value.__notes__ == ["of param_groups[1]"]


def test_of_one_group_no_position_is_told() -> None:
    optimizer = instep.Adam(np.ones(2), betas=lambda _: (0.5, 1.0))
    with pytest.raises(
        ValueError, match=r"^betas\[1\]: expected a number in \[0, 1\), got 1.0"
    ) as e:
        optimizer.step(np.ones(2))
    assert not hasattr(e.value, "__notes__")


def test_what_is_returned_is_checked_together_with_the_others() -> None:
    dampening = Cycle([0.0, 0.0, 0.5])
    optimizer = instep.SGD(parameters(), momentum=0.5, nesterov=True, dampening=dampening)
    twin = instep.SGD(parameters(), momentum=0.5, nesterov=True)
    for t in range(2):
        step(optimizer, t)
        step(twin, t)
    before = [np.array(param) for param in params_of(optimizer)]
    with pytest.raises(ValueError, match=r"^nesterov: expected .*dampening=0\.5$"):
        step(optimizer, 2)
    assert_same(params_of(optimizer), before)
    dampening.values = [0.0]
    assert_same_course(optimizer, twin)
    assert optimizer.steps == 2


def test_values_that_are_no_callables_are_checked_together_at_once() -> None:
    with pytest.raises(ValueError, match=r"^nesterov"):
        instep.SGD(np.ones(2), lr=Cycle([0.5]), weight_decay=Cycle([0.5]), nesterov=True)


def test_an_exception_tells_of_which_group_it_is() -> None:
    def weight_decay(_: int) -> float:
        raise LookupError("no table")

    optimizer = instep.Adam(groups(weight_decay=weight_decay))
    before = optimizer.lr
    with pytest.raises(LookupError, match="no table") as caught:
        step(optimizer, 0)
    assert caught.value.__notes__ == ["of param_groups[1]"]
    assert (optimizer.steps, optimizer.lr) == (0, before)


def test_one_for_several_is_asked_once_for_each() -> None:
    shared = Cycle([0.5, 0.25])
    optimizer = instep.Adam(groups(eps=shared), lr=shared, weight_decay=shared)
    for t in range(2):
        step(optimizer, t)
    assert shared.asked == [0, 0, 0, 1, 1, 1]  # lr and weight_decay of both groups, eps of one


@each_callable
def test_a_dictionary_holds_the_last_value(name: str, key: str) -> None:
    value = varying(name, key)
    optimizer = make(name, groups(**{key: value}))
    for t in range(3):
        saved = optimizer.state_dict()["param_groups"][1][key]
        assert_same(saved, value.values[max(t - 1, 0) % len(value.values)])
        step(optimizer, t)


@each_callable
def test_loading_keeps_callables_and_restores_their_count(name: str, key: str) -> None:
    optimizer = make(name, groups(), **{key: varying(name, key)})
    for t in range(3):
        step(optimizer, t)
    dictionary = optimizer.state_dict()

    resumed = make(name, groups(), **{key: varying(name, key)})
    for param, of_whom in zip(params_of(resumed), params_of(optimizer), strict=True):
        param[...] = of_whom
    value = getattr(resumed, key)
    resumed.load_state_dict(dictionary)
    assert getattr(resumed, key) is value
    assert_same_course(resumed, optimizer)
    for each in (resumed, optimizer):
        step(each, 3)
    assert_same_course(resumed, optimizer)
    assert value.asked == [3]

    constant = make(name, groups())
    constant.load_state_dict(dictionary)
    assert_same(getattr(constant, key), dictionary["param_groups"][0][key])


@each_callable
def test_a_dictionary_with_a_callable_is_refused(name: str, key: str) -> None:
    optimizer = make(name, groups(), **{key: varying(name, key)})
    step(optimizer, 0)
    dictionary = optimizer.state_dict()
    dictionary["param_groups"][1][key] = varying(name, key)
    with refused(TypeError, f"^{key}: expected ", optimizer):
        optimizer.load_state_dict(dictionary)


def test_a_callable_that_a_dictionary_does_not_tell_is_asked_at_its_count() -> None:
    maximize = Cycle([False, True])
    optimizer = make("Adam", parameters(), maximize=maximize)
    dictionary = instep.Adam(parameters()).state_dict() | {"steps": 5}
    del dictionary["param_groups"][0]["maximize"]
    optimizer.load_state_dict(dictionary)
    assert optimizer.maximize is maximize
    assert optimizer.state_dict()["param_groups"][0]["maximize"] is True
    assert maximize.asked == [5]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@each_class
def test_checkpoints_go_on(name: str, suffix: str, tmp_path: Path) -> None:
    keys = [key for each, key in CALLABLES if each == name]
    optimizer, resumed = (
        make(name, groups(), **{key: varying(name, key) for key in keys}) for _ in range(2)
    )
    for t in range(3):
        step(optimizer, t)
    optimizer.save(tmp_path / f"run{suffix}", params=True)
    resumed.load(tmp_path / f"run{suffix}", params=True)
    for t in range(3, 5):
        assert_same_course(resumed, optimizer)
        for each in (resumed, optimizer):
            step(each, t)
    constant = make(name, groups())
    constant.load(tmp_path / f"run{suffix}")
    for key in keys:
        value = varying(name, key)
        assert_same(getattr(constant, key), value.values[2 % len(value.values)])


@each_way
@each_class
def test_copies_go_on(name: str, duplicate: Callable[[Any], Any]) -> None:
    values = {key: varying(name, key) for each, key in CALLABLES if each == name}
    optimizer = make(name, groups(), **values)
    for t in range(3):
        step(optimizer, t)
    twin = duplicate(optimizer)
    for key, value in values.items():
        assert getattr(twin, key) == value
        assert getattr(twin, key) is not value
    for t in range(3, 5):
        assert_same_course(twin, optimizer)
        for each in (twin, optimizer):
            step(each, t)
    assert_same_course(twin, optimizer)


def test_after_a_reset_they_are_asked_from_0() -> None:
    decay = Cycle([0.5, 0.25])
    optimizer = instep.Adam(parameters(), weight_decay=decay)
    for t in range(2):
        step(optimizer, t)
    optimizer.reset()
    assert optimizer.state_dict()["param_groups"][0]["weight_decay"] == 0.5
    step(optimizer, 0)
    assert decay.asked == [0, 1, 0, 0]


def test_a_skipped_step_leaves_last_values_and_count() -> None:
    betas = Cycle([(0.5, 0.75), (0.25, 0.5)])
    optimizer = instep.Adam(np.ones(2), betas=betas, nonfinite="skip")
    optimizer.step(np.ones(2))
    optimizer.step(np.full(2, np.nan))
    assert optimizer.state_dict()["param_groups"][0]["betas"] == (0.5, 0.75)
    optimizer.step(np.ones(2))
    assert optimizer.state_dict()["param_groups"][0]["betas"] == (0.25, 0.5)
    assert betas.asked == [0, 1, 1]


def test_bias_correction_is_by_the_present_value() -> None:
    """The correction of step 2 is 1 - 0.5 ** 2, although step 1 had a beta of 0."""
    w = np.zeros(1)
    optimizer = instep.Adam(w, lr=1.0, eps=0.0, betas=Cycle([(0.0, 0.0), (0.5, 0.0)]))
    optimizer.step(np.ones(1))
    optimizer.step(np.ones(1))
    assert w[0] == -1.0 - 1.0 / (1 - 0.5**2)


def test_numbers_take_their_place() -> None:
    """And a group with a callable may come when others have none."""
    decay = Cycle([0.5])
    optimizer = instep.SGD([np.ones(2)], lr=0.5)
    step(optimizer, 0)
    optimizer.add_param_group({"params": [np.ones(3)], "weight_decay": decay})
    step(optimizer, 1)
    assert decay.asked == [1]
    optimizer.weight_decay = 0.25
    step(optimizer, 2)
    assert decay.asked == [1]
    assert optimizer.state_dict()["param_groups"][1]["weight_decay"] == 0.25


def test_one_optimizer_for_each_key() -> None:
    keyed = instep.Keyed(instep.AdamW, weight_decay=Cycle([0.5, 0.25]))
    weights, other = np.ones(3), np.ones(3)
    alone = instep.AdamW(other, weight_decay=Cycle([0.5, 0.25]))
    for t in range(3):
        [grad] = random_arrays([weights], t)
        keyed.step("w", weights, grad)
        alone.step(grad)
    assert_same(weights, other)
