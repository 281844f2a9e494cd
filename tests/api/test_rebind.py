"""Other arrays in the place of the parameters: everything else stays."""

from __future__ import annotations

import copy
import gc
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import (
    Model,
    Options,
    assert_same,
    copied,
    each_variant,
    make,
    params_of,
    random_arrays,
    refused,
)
from tests.cases import Array


def f32(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def parameters() -> list[Array]:
    return random_arrays([np.empty((4, 3)), np.empty(5, np.float32), np.empty(())], seed=0)


OTHER_LAYOUTS: list[Callable[[Array], Array]] = [
    lambda array: np.array(array, order="F"),
    lambda array: np.array(array),
    lambda array: np.repeat(array, 2).reshape(*array.shape, 2)[..., 0],
]


@each_variant
def test_it_goes_on_with_the_states_that_there_are(name: str, options: Options) -> None:
    params = parameters()
    model, optimizer = Model(name, params, **options), make(name, params, **options)
    for seed in range(6):
        if seed % 2 == 1:
            layout = OTHER_LAYOUTS[seed // 2]
            former, params = params, [layout(param) for param in params]
            optimizer.rebind(params)
            for array in former:
                array[...] = 7.0
        grads = random_arrays(params, seed)
        optimizer.step(grads)
        model.step(grads)
    model.assert_equals(optimizer)
    assert all(mine is given for mine, given in zip(params_of(optimizer), params, strict=True))
    for array in former:
        assert (array == 7.0).all()


def test_what_is_shown_of_it() -> None:
    first, second = np.zeros(3), np.ones(2)
    optimizer = make("Adam", [{"params": [first], "lr": 0.5}, {"params": [second]}])
    optimizer.step([np.ones(3), np.ones(2)])
    group, _ = groups = optimizer.param_groups
    states, before = optimizer._states(), optimizer.state_dict()
    others = copied([first, second])
    optimizer.rebind(others)
    assert optimizer.param_groups is groups
    assert [group["params"] for group in groups] == [(others[0],), (others[1],)]
    assert_same(optimizer.state_dict(), before)
    for mine, former in zip(optimizer._states(), states, strict=True):
        assert all(one is other for one, other in zip(mine, former, strict=True))
    group["lr"] = 0.25
    optimizer.step([np.ones(3), np.zeros(2)])
    assert others[0].round(6).tolist() == [-0.75] * 3


# The parameters, and others in their place: twos, threes and fours for the first, second and third.
STRUCTURES: dict[str, tuple[Any, Any]] = {
    "an array": (f32(2), 2 * f32(2)),
    "a list": ([f32(2), f32(3)], [2 * f32(2), 3 * f32(3)]),
    "a tuple for a list": ([f32(2), f32(3)], (2 * f32(2), 3 * f32(3))),
    "an iterator": ([f32(2), f32(3)], iter([2 * f32(2), 3 * f32(3)])),
    "a mapping": ({"a": f32(2), "b": f32(3)}, {"a": 2 * f32(2), "b": 3 * f32(3)}),
    "another order": ({"a": f32(2), "b": f32(3)}, {"b": 3 * f32(3), "a": 2 * f32(2)}),
    "groups with names": (
        [{"params": {"a": f32(2)}}, {"params": {"b": f32(3)}}],
        {"b": 3 * f32(3), "a": 2 * f32(2)},
    ),
    "groups": (
        [{"params": f32(2)}, {"params": [f32(3), f32(4)]}],
        [2 * f32(2), 3 * f32(3), 4 * f32(4)],
    ),
}


@pytest.mark.parametrize(("params", "others"), STRUCTURES.values(), ids=STRUCTURES)
def test_they_are_passed_as_gradients_are(params: Any, others: Any) -> None:
    optimizer = make("SGD", params)
    optimizer.rebind(others)
    for number, param in enumerate(params_of(optimizer), 2):
        assert param.tolist() == [number] * number


def test_names_of_all_groups_are_one_mapping() -> None:
    optimizer = make("SGD", {"a": f32(2), "b": f32(3)})
    optimizer.add_param_group({"params": {"c": f32(4)}})
    optimizer.rebind({"c": 4 * f32(4), "a": 2 * f32(2), "b": 3 * f32(3)})
    assert [group.params[-1][0] for group in optimizer.param_groups] == [3.0, 4.0]


def test_arrays_may_change_places() -> None:
    a, b = np.zeros(3), np.ones(3)
    optimizer = make("SGD", {"a": a, "b": b}, lr=1.0, momentum=0.5)
    optimizer.step({"a": np.ones(3), "b": None})
    optimizer.rebind({"a": b, "b": a})
    optimizer.step({"a": np.zeros(3), "b": None})
    assert b.tolist() == [0.5] * 3  # by the momentum of "a"


def read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array


# In the place of "w" of shape (3, 4) and "b" of shape (4,), both float32.
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a mapping for a list": (lambda: {"w": f32(3, 4), "b": f32(4)}, TypeError, "of 2.*got dict"),
    "an array for a list": (lambda: f32(2, 4), TypeError, "of 2.*got ndarray"),
    "no iterable": (lambda: None, TypeError, "got NoneType"),
    "too few": (lambda: [f32(3, 4)], ValueError, "of 2.*got 1"),
    "too many": (lambda: [f32(3, 4), f32(4), f32(4)], ValueError, "of 2.*got 3"),
    "none": (lambda: [f32(3, 4), None], TypeError, "parameter 1.*ndarray.*NoneType"),
    "a list of numbers": (lambda: [f32(3, 4), [1.0] * 4], TypeError, "parameter 1.*ndarray.*list"),
    "another shape": (
        lambda: [f32(4, 3), f32(4)],
        ValueError,
        r"parameter 0: expected shape \(3, 4\) as the array before it has, got \(4, 3\)",
    ),
    "fewer axes": (lambda: [f32(12), f32(4)], ValueError, r"parameter 0.*\(3, 4\).*\(12,\)"),
    "another dtype": (
        lambda: [f32(3, 4), np.ones(4)],
        TypeError,
        "parameter 1: expected dtype float32 as the array before it has, got float64",
    ),
    "no dtype of ours": (lambda: [f32(3, 4), np.ones(4, int)], TypeError, "parameter 1.*int64"),
    "a masked array": (
        lambda: [f32(3, 4), np.ma.masked_array(f32(4))],
        TypeError,
        "parameter 1.*masked",
    ),
    "read-only": (lambda: [f32(3, 4), read_only(f32(4))], ValueError, "parameter 1.*read-only"),
    "overlapping itself": (
        lambda: [np.lib.stride_tricks.as_strided(f32(8), (3, 4), (8, 4)), f32(4)],
        ValueError,
        "parameter 0.*internal overlap",
    ),
}


@pytest.mark.parametrize(("others", "error", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(others: Callable[[], Any], error: type[Exception], match: str) -> None:
    optimizer = make("Adam", [f32(3, 4), f32(4)])
    optimizer.step([f32(3, 4), f32(4)])
    with refused(error, match, optimizer):
        optimizer.rebind(others())


NAMED: dict[str, tuple[Any, type[Exception], str]] = {
    "a list for a mapping": ([f32(3)], TypeError, "mapping.*list"),
    "a wrong name": ({"b": f32(3)}, KeyError, r"missing: \['a'\], unexpected: \['b'\]"),
    "one name more": ({"a": f32(3), "b": f32(3)}, KeyError, r"missing: \[\], unexpected: \['b'\]"),
    "another shape": ({"a": f32(4)}, ValueError, r"parameter 'a'.*\(3,\).*\(4,\)"),
}


@pytest.mark.parametrize(("others", "error", "match"), NAMED.values(), ids=NAMED)
def test_what_is_refused_by_name(others: Any, error: type[Exception], match: str) -> None:
    optimizer = make("Adam", {"a": f32(3)})
    with refused(error, match, optimizer, structure=lambda grads: {"a": grads[0]}):
        optimizer.rebind(others)


OVERLAPS: dict[str, Callable[[Any], list[Array]]] = {
    "with one another": lambda _: list(
        np.lib.stride_tricks.sliding_window_view(f32(5), 4, writeable=True)
    ),
    "one array twice": lambda _: [f32(4)] * 2,
    "with a state of its own": lambda it: [it._states()[0][0], f32(4)],
    "with a state of another": lambda it: [f32(4), it._states()[0][1]],
    "with a former one that stays": lambda it: [params_of(it)[1], params_of(it)[1]],
}


@pytest.mark.parametrize("others", OVERLAPS.values(), ids=OVERLAPS)
def test_memory_that_is_shared_is_refused(others: Callable[[Any], list[Array]]) -> None:
    optimizer = make("Adam", [f32(4), f32(4)])
    with refused(ValueError, "share memory", optimizer):
        optimizer.rebind(others(optimizer))


def test_the_last_gradient_is_checked_against_the_new_array() -> None:
    w, grad = np.zeros(3), np.ones(3)
    optimizer = instep.SGD(w)
    optimizer.step(grad)
    optimizer.rebind(grad)
    with pytest.raises(ValueError, match="share memory"):
        optimizer.step(grad)
    optimizer.step(w)  # which is free now
    assert grad.tolist() == [1.0 + 1e-6] * 3


def test_between_steps_of_rows() -> None:
    table = random_arrays([np.empty((6, 3))], seed=0)
    model, optimizer = Model("Adagrad", table), make("Adagrad", table)
    rows = instep.RowGradient(np.array([4, 1, 4]), random_arrays([np.empty((3, 3))], seed=1)[0])
    for grads in ([rows], [rows], random_arrays(table, seed=2), [rows]):
        optimizer.step(grads)
        model.step(grads)
        table = [np.array(table[0], order="F")]
        optimizer.rebind(table)
    model.assert_equals(optimizer)


def test_nothing_of_an_arrays_size_is_allocated_or_kept() -> None:
    w, other = np.zeros(10**6), np.zeros(10**6)
    optimizer = instep.Adam(w)
    optimizer.step(other)
    former = weakref.ref(w)
    tracemalloc.start()
    try:
        optimizer.rebind(other)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10**5
    del w
    gc.collect()
    assert former() is None


def test_a_former_array_that_has_moved_does_not_matter() -> None:
    w = np.zeros(3)
    optimizer = instep.SGD(w, lr=1.0)
    w.resize((300,), refcheck=False)
    w.resize((3,), refcheck=False)
    optimizer.rebind(w)
    optimizer.step(np.ones(3))
    assert w.tolist() == [-1.0] * 3


def test_copies_step_the_arrays_of_their_time() -> None:
    w, other = np.zeros(3), np.ones(3)
    optimizer = instep.SGD(w, lr=1.0)
    before = copy.deepcopy(optimizer)
    optimizer.rebind(other)
    after = copy.deepcopy(optimizer)
    for each in (before, after):
        each.step(np.ones(3))
    assert [params_of(each)[0][0] for each in (before, after)] == [-1.0, 0.0]
    assert (w[0], other[0]) == (0.0, 1.0)


def test_from_within_a_step_it_is_refused() -> None:
    def rate(step: int) -> float:
        optimizer.rebind(np.ones(3))
        return 0.5

    w = np.zeros(3)
    optimizer = instep.SGD(w, lr=rate)
    with pytest.raises(RuntimeError, match="in the middle of a step"):
        optimizer.step(np.ones(3))
    assert w.tolist() == [0.0] * 3


def test_memory_of_another_library() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(3)
    optimizer = instep.SGD(np.zeros(3, np.float32), lr=0.5)
    optimizer.rebind(tensor)
    optimizer.step(f32(3))
    assert tensor.tolist() == [-0.5] * 3
