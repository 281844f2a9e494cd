"""Copies, pickles, subclasses, lifetimes, and groups that come later."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import (
    Model,
    Options,
    alone,
    assert_same,
    copied,
    each_class,
    each_variant,
    each_way,
    make,
    named,
    params_of,
    random_arrays,
    refused,
)
from tests.cases import Array


def parameters() -> list[Array]:
    return random_arrays([np.empty((2, 3)), np.empty(4, np.float32), np.empty(())], seed=2)


def halving(step: int) -> float:
    return 0.5**step


def stepped(
    name: str, params: Any, structure: Callable[[list[Array]], Any] = list, **options: Any
) -> Any:
    optimizer = make(name, params, **options)
    for seed in range(3):
        optimizer.step(structure(random_arrays(params_of(optimizer), seed)))
    return optimizer


@each_way
@each_variant
def test_copies_own_what_they_have_and_continue(
    name: str, options: Options, duplicate: Callable[[Any], Any]
) -> None:
    optimizer = stepped(name, parameters(), **options)
    twin = duplicate(optimizer)
    assert type(twin) is type(optimizer)
    assert_same(twin.state_dict(), optimizer.state_dict())
    assert_same(params_of(twin), params_of(optimizer))

    before = [copied(params_of(twin)), twin.state_dict()]
    grads = random_arrays(params_of(optimizer), 5)
    optimizer.step(grads)
    assert_same([params_of(twin), twin.state_dict()], before, "the copy must have its own")

    twin.step(grads)
    assert_same(twin.state_dict(), optimizer.state_dict())
    assert_same(params_of(twin), params_of(optimizer))


# Parameters, and the structure of their gradients.
STRUCTURES: dict[str, tuple[Callable[[], Any], Callable[[list[Array]], Any]]] = {
    "array": (lambda: np.ones(3), alone),
    "list": (lambda: [np.ones(3), np.ones(2)], list),
    "mapping": (lambda: {"w": np.ones(3), "b": np.ones(2)}, named("wb")),
    "groups": (lambda: [{"params": np.ones(3), "lr": 0.5}, {"params": [np.ones(2)]}], list),
    "strided": (
        lambda: [np.ones((4, 6))[::2, ::-3], np.ones((3, 4)).T, np.ones(4)[1:][::-1]],
        list,
    ),
    "interleaved": (lambda: list(np.ones((5, 2)).T), list),
}


@pytest.mark.parametrize(("params", "structure"), STRUCTURES.values(), ids=list(STRUCTURES))
@each_way
def test_copies_keep_structure(
    params: Callable[[], Any],
    structure: Callable[[list[Array]], Any],
    duplicate: Callable[[Any], Any],
) -> None:
    optimizer = stepped("Adam", params(), structure)
    twin = duplicate(optimizer)
    assert [dict(group) | {"params": None} for group in twin.param_groups] == [
        dict(group) | {"params": None} for group in optimizer.param_groups
    ]
    for each in (optimizer, twin):
        each.step(structure(random_arrays(params_of(each), 9)))
    assert_same(params_of(twin), params_of(optimizer))
    assert_same(twin.state_dict(), optimizer.state_dict())


@each_way
def test_copies_keep_schedules(duplicate: Callable[[Any], Any]) -> None:
    optimizer = stepped("SGD", np.zeros(1), alone, lr=halving)
    twin = duplicate(optimizer)
    assert twin.lr is halving
    for each in (optimizer, twin):
        (param,) = params_of(each)
        param[...] = 0.0
        each.step(np.ones(1))
        assert param[0] == -(0.5**3)


@each_way
def test_copies_keep_hyperparameters_that_were_set(duplicate: Callable[[Any], Any]) -> None:
    optimizer = stepped("Adam", [{"params": np.ones(2)}, {"params": np.ones(3)}])
    optimizer.param_groups[1]["lr"] = 0.25
    optimizer.eps = 0.125
    twin = duplicate(optimizer)
    assert [group["lr"] for group in twin.param_groups] == [1e-3, 0.25]
    assert twin.eps == 0.125
    twin.param_groups[0]["lr"] = 0.75
    assert optimizer.param_groups[0]["lr"] == 1e-3


@each_way
def test_copied_with_their_arrays_they_stay_joined(duplicate: Callable[[Any], Any]) -> None:
    params = {"w": np.ones((2, 3)), "b": np.ones(4)}
    optimizer = instep.SGD(params, lr=0.5)
    for given in ((params, optimizer), (optimizer, params)):
        first, second = duplicate(given)
        twin, arrays = (second, first) if isinstance(first, dict) else (first, second)
        twin.step({"w": np.ones((2, 3)), "b": np.ones(4)})
        assert arrays["w"].tolist() == [[0.5] * 3] * 2
        assert arrays["b"].tolist() == [0.5] * 4
    assert params["w"].tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_shallow_copies_are_refused(name: str) -> None:
    optimizer = stepped(name, parameters())
    with refused(TypeError, "deepcopy", optimizer):
        copy.copy(optimizer)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda group: pickle.loads(pickle.dumps(group))]
)
def test_a_copy_of_a_group_is_a_plain_dict(duplicate: Callable[[Any], Any]) -> None:
    optimizer = instep.Adam(parameters(), lr=0.5)
    copied = duplicate(optimizer.param_groups[0])
    assert type(copied) is dict
    assert copied.keys() == dict(optimizer.param_groups[0]).keys()
    assert copied["lr"] == 0.5
    copied["lr"] = -1.0
    assert optimizer.lr == 0.5


def loads_read_only(optimizer: Any) -> Any:
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(optimizer, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(data, buffers=[bytes(buffer) for buffer in buffers])


def test_an_optimizer_out_of_read_only_memory_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"read-only ones of what was unpickled; load it into .*"):
        loads_read_only(stepped("Adam", parameters()))


def test_what_it_says_is_what_joblib_does(tmp_path: Path) -> None:
    joblib: Any = pytest.importorskip("joblib")
    optimizer = stepped("Adam", parameters())
    joblib.dump(optimizer, tmp_path / "optimizer.joblib")
    with pytest.raises(ValueError, match=r"such as joblib\.load without mmap_mode"):
        joblib.load(tmp_path / "optimizer.joblib", mmap_mode="r")
    assert_same(joblib.load(tmp_path / "optimizer.joblib").state_dict(), optimizer.state_dict())


class Halved(instep.Adam):
    """A user's own optimizer: Adam on half the gradient, which remembers how often it was asked."""

    def __init__(self, params: Any, **options: Any) -> None:
        super().__init__(params, **options)
        self.asked = 0

    def step(self, grads: Any, *, grad_scale: float = 1.0) -> None:
        self.asked += 1
        super().step([grad / 2 for grad in grads], grad_scale=grad_scale)


@each_way
def test_subclasses(duplicate: Callable[[Any], Any]) -> None:
    params = parameters()[:2]
    model = Model("Adam", params, lr=0.5)
    optimizer = Halved(params, lr=0.5)
    assert isinstance(optimizer, instep.Optimizer)
    assert "Halved" in repr(optimizer)
    optimizer.step(random_arrays(params, 0))
    model.step([grad / 2 for grad in random_arrays(params, 0)])
    model.assert_equals(optimizer)
    twin = duplicate(optimizer)
    assert type(twin) is Halved
    assert twin.asked == 1
    twin.step(random_arrays(params, 1))
    model.step([grad / 2 for grad in random_arrays(params, 1)])
    model.assert_equals(twin)
    assert (optimizer.asked, twin.asked) == (1, 2)


@each_class
def test_every_class_is_an_optimizer(name: str) -> None:
    assert issubclass(getattr(instep, name), instep.Optimizer)


def test_the_base_class_cannot_be_used() -> None:
    with pytest.raises(TypeError, match="Optimizer"):
        make("Optimizer", np.ones(2))


@each_class
def test_an_optimizer_is_collected_with_its_schedule(name: str) -> None:
    class Schedule:
        """Refers to the optimizer that refers to it."""

        optimizer: Any = None

        def __call__(self, step: int) -> float:
            return 0.5 / (step + 1)

    schedule = Schedule()
    optimizer = schedule.optimizer = stepped(name, parameters(), lr=schedule)
    gone = weakref.ref(optimizer)
    schedule_gone = weakref.ref(schedule)
    del optimizer, schedule
    gc.collect()
    assert gone() is None
    assert schedule_gone() is None


def test_an_optimizer_lets_go_of_its_arrays() -> None:
    class Weights(np.ndarray[Any, np.dtype[Any]]):
        pass

    params = [np.ones(3).view(Weights)]
    grads = [np.ones(3).view(Weights)]
    gone = [weakref.ref(array) for array in (*params, *grads)]
    optimizer = instep.Adam(params)
    optimizer.step(grads)
    groups = optimizer.param_groups
    del params
    gc.collect()
    assert gone[0]() is not None
    del optimizer, groups, grads
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_groups_outlive_their_optimizer() -> None:
    group = instep.Adam(np.ones(3)).param_groups[0]
    gc.collect()
    group["lr"] = 0.5
    assert group["lr"] == 0.5


@each_variant
def test_a_group_is_added(name: str, options: Options) -> None:
    params = parameters()
    model = Model(name, params[:1], **options)
    optimizer = make(name, params[:1], **options)
    for seed in range(2):
        grads = random_arrays(params[:1], seed)
        optimizer.step(grads)
        model.step(grads)
    optimizer.add_param_group({"params": params[1:], "lr": 0.5})
    model.add_group(params[1:], **options, lr=0.5)
    model.assert_equals(optimizer)
    for seed in range(3):
        grads = random_arrays(params, seed)
        optimizer.step(grads)
        model.step(grads)
        model.assert_equals(optimizer)
    assert model.counts == [5, 3, 3]


def test_a_group_takes_the_defaults_of_construction() -> None:
    optimizer = instep.Adam([np.ones(2)], lr=0.25, betas=(0.5, 0.75))
    optimizer.lr = 0.5
    optimizer.add_param_group({"params": [np.ones(3)]})
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]
    assert [group["betas"] for group in optimizer.param_groups] == [(0.5, 0.75)] * 2


def test_an_array_becomes_a_sequence_with_a_second_group() -> None:
    params = [np.zeros(2), np.zeros(3)]
    optimizer = instep.SGD(params[0], lr=1.0)
    optimizer.add_param_group({"params": params[1]})
    with pytest.raises(TypeError, match="sequence"):
        optimizer.step(np.ones(2))
    optimizer.step([np.ones(2), np.ones(3)])
    assert [param.tolist() for param in params] == [[-1.0] * 2, [-1.0] * 3]


def test_a_mapping_stays_one_if_the_group_is_one() -> None:
    params = [np.zeros(2), np.zeros(3), np.zeros(4)]
    optimizer = instep.SGD({"w": params[0]}, lr=1.0)
    optimizer.add_param_group({"params": {"b": params[1]}})
    optimizer.step({"b": np.ones(3), "w": np.ones(2)})
    optimizer.add_param_group({"params": [params[2]]})
    with pytest.raises(TypeError, match="sequence"):
        optimizer.step({"b": np.ones(3), "w": np.ones(2)})
    optimizer.step([np.ones(2), np.ones(3), np.ones(4)])
    assert [param.tolist() for param in params] == [[-2.0] * 2, [-2.0] * 3, [-1.0] * 4]


def test_groups_with_names_in_a_list_take_gradients_by_name_as_well() -> None:
    params = {"w": np.zeros(2), "b": np.zeros(3), "s": np.zeros(4)}
    grads = {name: np.ones(param.shape) for name, param in params.items()}
    groups = [{"params": {"w": params["w"], "b": params["b"]}}, {"params": {"s": params["s"]}}]
    optimizer = instep.SGD(groups, lr=1.0)
    optimizer.step(dict(reversed(grads.items())))
    optimizer.step(MappingProxyType(grads))
    optimizer.step([grads["w"], None, grads["s"]])
    assert [param.tolist() for param in params.values()] == [[-3.0] * 2, [-2.0] * 3, [-3.0] * 4]
    with refused(KeyError, r"missing: \['s'\], unexpected: \['S'\]", optimizer):
        optimizer.step({"w": None, "b": None, "S": None})
    optimizer.add_param_group({"params": [np.zeros(2)]})
    with refused(TypeError, "expected a sequence of 4 arrays", optimizer):
        optimizer.step(grads)


def test_groups_that_are_refused() -> None:
    w, b = np.ones(4), np.ones((2, 3), np.float32)
    optimizer = make("Adam", {"w": w, "b": b})
    optimizer.step({"w": np.ones(4), "b": np.ones((2, 3), np.float32)})
    read_only = np.ones(2)
    read_only.setflags(write=False)
    groups: list[tuple[Any, type[Exception], str]] = [
        (None, TypeError, "None"),
        (np.ones(3), TypeError, "ndarray"),
        ([np.ones(3)], TypeError, "list"),
        ({}, KeyError, "params"),
        ({"params": []}, ValueError, "at least one"),
        ({"params": [np.ones(2, int)]}, TypeError, "int64"),
        ({"params": [[1.0]]}, TypeError, "list"),
        ({"params": [np.ones(2), np.ma.ones(2)]}, TypeError, "masked"),
        ({"params": [read_only]}, ValueError, "read-only"),
        ({"params": [w]}, ValueError, "[\"']w[\"']"),
        (
            {"params": {"c": w[::2]}},
            ValueError,
            "[\"']c[\"'].*[\"']w[\"']|[\"']w[\"'].*[\"']c[\"']",
        ),
        ({"params": {"w": np.ones(2)}}, ValueError, "[\"']w[\"']"),
        ({"params": [np.ones(2)], "lr": -1.0}, ValueError, "lr"),
        ({"params": [np.ones(2)], "lr": "1"}, TypeError, "lr"),
        ({"params": [np.ones(2)], "colour": 1.0}, KeyError, "colour"),
    ]
    for group, error, match in groups:
        with refused(error, match, optimizer, structure=named("wb")):
            optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": {"c": np.ones(2)}})
    optimizer.step({"w": np.ones(4), "b": np.ones((2, 3), np.float32), "c": np.ones(2)})


def test_a_gradient_that_became_a_parameter_is_no_gradient_any_more() -> None:
    w, grad = np.ones(4), np.ones(4)
    optimizer = instep.SGD([w])
    for _ in range(2):
        optimizer.step([grad])
    optimizer.add_param_group({"params": [grad]})
    with refused(ValueError, "0.*1.*share memory|1.*0.*share memory", optimizer):
        optimizer.step([grad, np.ones(4)])
