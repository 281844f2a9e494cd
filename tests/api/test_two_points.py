"""Optimizers with two points: `train` and `eval` exchange them as the reference does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import instep
from instep import reference
from instep.storage import REST
from instep.two_points import TwoPointOptimizer
from tests.api.model import (
    DEFAULTS,
    assert_same,
    copied,
    each_way,
    make,
    params_of,
    random_arrays,
    refused,
)
from tests.cases import DTYPES, HALVES, Array
from tests.compare import assert_same_bits

CLASSES = [name for name in DEFAULTS if issubclass(getattr(instep, name), TwoPointOptimizer)]
BETA = 0.75

each_class = pytest.mark.parametrize("name", CLASSES)
each_mode = pytest.mark.parametrize("train_mode", [True, False], ids=["train", "eval"])

LAYOUTS: dict[str, Callable[[tuple[int, int], Any], Array]] = {
    "C": np.empty,
    "Fortran": lambda shape, dtype: np.empty(shape[::-1], dtype).T,
    "strided": lambda shape, dtype: np.empty((shape[0], 2 * shape[1]), dtype)[:, ::2],
    "backwards": lambda shape, dtype: np.empty(shape, dtype)[::-1, ::-1],
    "rows": lambda shape, dtype: np.empty((shape[0], shape[1] + 3), dtype)[:, 1:-2],
}


def beta(name: str, value: float = BETA) -> dict[str, Any]:
    return {"momentum": value} if name == "ScheduleFreeSGD" else {"betas": (value, 0.999)}


def filled(array: Array, seed: int = 0) -> Array:
    array[...] = np.random.default_rng(seed).standard_normal(array.shape).astype(array.dtype)
    return array


def stepped(name: str, params: Any, *, steps: int = 3, **options: Any) -> Any:
    """Return an optimizer that has taken some steps."""
    optimizer = make(name, params, lr=0.1, **beta(name), **options)
    for seed in range(steps):
        optimizer.step(
            [
                np.asarray(grad, np.float64 if grad.dtype == np.float64 else np.float32)
                for grad in random_arrays(params_of(optimizer), seed)
            ]
        )
    return optimizer


def trained(name: str, train_mode: bool = True) -> Any:
    optimizer = stepped(name, [filled(np.empty((3, 4))), filled(np.empty(5, np.float32))])
    if not train_mode:
        optimizer.eval()
    return optimizer


def assert_exchanges(optimizer: Any, **storage: Any) -> None:
    """Assert that `eval` and `train` do what the reference does to each parameter."""
    copies = optimizer.copies
    for to in ("eval", "train"):
        expected = copied(params_of(optimizer))
        states = optimizer.state_dict()["state"]
        shown = [None if each is None else np.array(each) for each in copies]
        getattr(optimizer, to)()
        for k, (param, shows) in enumerate(zip(expected, shown, strict=True)):
            z = states[k]["z"].copy()
            rest = states[k].get(REST)
            reference.exchange_points(
                param,
                states[k]["z"],
                beta=BETA,
                to=to,
                step=states[k]["step"],
                parameter=k,
                param_rest=rest,
                copies=shows,
                **storage,
            )
            after = optimizer.state_dict()["state"][k]
            assert_same_bits(params_of(optimizer)[k], param, f"{to} {k}")
            assert_same_bits(after["z"], z, f"z after {to}")
            if rest is not None:
                assert_same(after[REST], rest, f"rest after {to}")
            if shows is not None:
                assert_same_bits(np.asarray(copies[k]), shows, f"copy after {to}")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@each_class
def test_the_points_are_the_references(name: str, layout: str, dtype: np.dtype[Any]) -> None:
    params = [filled(LAYOUTS[layout](shape, dtype)) for shape in ((7, 130), (1, 3), (0, 2), (3, 3))]
    assert_exchanges(stepped(name, params))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"param_rounding": "stochastic", "seed": 7},
        {"state_dtype": "bfloat16"},
        {"state_dtype": "float16", "param_rounding": "stochastic"},
        {"master_weight_bits": 32},
        {"master_weight_bits": 32, "state_dtype": "bfloat16"},
    ],
    ids=str,
)
@pytest.mark.parametrize("layout", ["C", "Fortran", "strided"])
@each_class
def test_what_is_stored_in_16_bits(name: str, layout: str, options: dict[str, Any]) -> None:
    halves = HALVES[1:] if "master_weight_bits" in options else HALVES
    params = [filled(LAYOUTS[layout]((5, 300), dtype)) for dtype in (*halves, DTYPES[0])]
    copies = [None, *(np.zeros((5, 300), ml_dtypes.bfloat16) for _ in params[1:])]
    optimizer = stepped(name, params, copies=copies, **options)
    told = {key: options[key] for key in ("param_rounding", "seed") if key in options}
    assert_exchanges(optimizer, **told)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_many_elements(threads: int) -> None:
    instep.set_num_threads(threads)
    try:
        params = [filled(np.empty(size, np.float32), size) for size in (300_007, 5, 100_001)]
        assert_exchanges(stepped("ScheduleFreeSGD", params, steps=1))
    finally:
        instep.set_num_threads(None)


@each_class
def test_groups_have_their_own(name: str) -> None:
    params = [filled(np.empty(4)), filled(np.empty(5))]
    groups = [{"params": [params[0]], **beta(name, 0.5)}, {"params": [params[1]]}]
    optimizer = stepped(name, groups)
    expected = copied(params)
    states = optimizer.state_dict()["state"]
    for k, each in enumerate((0.5, BETA)):
        reference.exchange_points(expected[k], states[k]["z"], beta=each, to="eval")
    optimizer.eval()
    assert_same(params, expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("value", [0.1, 0.4, 0.6, 0.7, 0.9, 0.95, 0.999])
def test_there_and_back_is_within_two_ulp(value: float, dtype: np.dtype[Any]) -> None:
    rng = np.random.default_rng(0)
    y, z = rng.uniform(-2, 2, (2, 200_000)).astype(dtype)
    y[::3] = z[::3] * dtype.type(1.001)
    x, back = y.copy(), y.copy()
    reference.exchange_points(x, z, beta=value, to="eval")
    back[...] = x
    reference.exchange_points(back, z, beta=value, to="train")
    largest = np.max(np.abs([x, y, z]), axis=0)
    assert (np.abs(back.astype(np.longdouble) - y) <= 2 * np.spacing(largest)).all()


@each_class
def test_eval_gives_the_mean_of_all_steps(name: str) -> None:
    w = filled(np.empty(50))
    optimizer = make(name, w, lr=0.1, **beta(name))
    mean = np.zeros(50)
    for seed in range(9):
        optimizer.step(random_arrays([w], seed)[0])
        mean += (optimizer.state_dict()["state"][0]["z"] - mean) / (seed + 1)
    optimizer.eval()
    assert w == pytest.approx(mean, rel=1e-12, abs=1e-12)


@each_class
def test_nothing_happens_in_the_own_mode(name: str) -> None:
    optimizer = trained(name)
    before = copied(params_of(optimizer))
    optimizer.train()
    assert_same(params_of(optimizer), before)
    optimizer.eval()
    before = copied(params_of(optimizer))
    optimizer.eval()
    assert_same(params_of(optimizer), before)


@each_class
def test_what_was_never_stepped_is_left_alone(name: str) -> None:
    params = [filled(np.empty(4)), filled(np.empty(4), 1)]
    optimizer = make(name, params, lr=0.1)
    before = copied(params)
    optimizer.eval()
    optimizer.train()
    assert_same(params, before)
    optimizer.step([np.ones(4), None])
    optimizer.step([np.ones(4), None])
    optimizer.eval()
    assert_same(params[1], before[1])
    optimizer.add_param_group({"params": [third := np.ones(3)]})
    assert [group["train_mode"] for group in optimizer.param_groups] == [False, False]
    optimizer.train()
    assert_same(third, np.ones(3))
    optimizer.step([np.ones(4), None, np.ones(3)])


@each_class
def test_a_step_in_eval_mode_is_refused(name: str) -> None:
    optimizer = trained(name, train_mode=False)
    before = [optimizer.state_dict(), copied(params_of(optimizer))]
    with pytest.raises(RuntimeError, match=r"eval mode; call its train\(\) first"):
        optimizer.step(random_arrays(params_of(optimizer), 3))
    assert_same([optimizer.state_dict(), params_of(optimizer)], before)


@each_class
def test_a_schedule_is_not_asked_in_eval_mode(name: str) -> None:
    asked: list[int] = []

    def rate(steps: int) -> float:
        asked.append(steps)
        return 0.5

    optimizer = make(name, np.ones(3), lr=rate)
    optimizer.step(np.ones(3))
    optimizer.eval()
    with pytest.raises(RuntimeError):
        optimizer.step(np.ones(3))
    optimizer.train()
    optimizer.step(np.ones(3))
    assert asked == [0, 1]


@each_class
def test_the_mode_is_shown_and_not_set(name: str) -> None:
    optimizer = trained(name)
    assert optimizer.train_mode
    assert "train_mode=True" in repr(optimizer)
    optimizer.eval()
    (group,) = optimizer.param_groups
    assert group["train_mode"] is False
    assert dict(group)["train_mode"] is False
    assert len(group) == len(list(group))
    assert optimizer.state_dict()["param_groups"][0]["train_mode"] is False
    optimizer.train()
    with refused(ValueError, r"train_mode: .* train\(\) and eval\(\)", optimizer):
        group["train_mode"] = False
    with refused(ValueError, "train_mode", optimizer):
        group.update(lr=3.0, train_mode=True)
    with pytest.raises(AttributeError):
        optimizer.train_mode = False


def test_other_optimizers_have_one_point() -> None:
    optimizer = instep.Adam(np.ones(3))
    assert "train_mode" not in optimizer.param_groups[0]
    assert not hasattr(optimizer, "eval")


@each_class
def test_changed_memory_is_refused(name: str) -> None:
    params = [filled(np.empty(4)), filled(np.empty(6))]
    optimizer = stepped(name, params)
    before = copied(params)
    params[1].flags.writeable = False
    with pytest.raises(ValueError, match="parameter 1"):
        optimizer.eval()
    assert_same(params, before)
    assert optimizer.train_mode
    params[1].flags.writeable = True
    optimizer.eval()


# Going on elsewhere


def go_on(optimizer: Any, twin: Any) -> None:
    """Assert that both are the same, and stay so."""
    for _ in range(2):
        assert optimizer.train_mode == twin.train_mode
        assert_same(twin.state_dict(), optimizer.state_dict())
        assert_same(params_of(twin), params_of(optimizer))
        for each in (optimizer, twin):
            each.train()
            each.step(random_arrays(params_of(each), 8))
            each.eval()


@each_mode
@each_way
@each_class
def test_copies_and_pickles(name: str, duplicate: Callable[[Any], Any], train_mode: bool) -> None:
    optimizer = trained(name, train_mode)
    go_on(optimizer, duplicate(optimizer))


@each_mode
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@each_class
def test_a_checkpoint_with_parameters_brings_its_mode(
    name: str, suffix: str, train_mode: bool, tmp_path: Path
) -> None:
    optimizer = trained(name, train_mode)
    optimizer.save(tmp_path / f"run.{suffix}", params=True)
    for others in (True, False):
        resumed = trained(name, others)
        resumed.load(tmp_path / f"run.{suffix}", params=True)
        go_on(copy.deepcopy(optimizer), resumed)


@each_mode
@each_class
def test_a_dictionary_brings_its_mode_and_exchanges_nothing(name: str, train_mode: bool) -> None:
    optimizer = trained(name, train_mode)
    resumed = trained(name, not train_mode)
    before = copied(params_of(resumed))
    resumed.load_state_dict(optimizer.state_dict())
    assert_same(params_of(resumed), before)
    for param, values in zip(params_of(resumed), params_of(optimizer), strict=True):
        param[...] = values
    go_on(optimizer, resumed)


@each_class
def test_dictionaries_without_a_mode_or_with_two_are_refused(name: str) -> None:
    groups = [{"params": [np.ones(3)]}, {"params": [np.ones(2)]}]
    optimizer = stepped(name, groups)
    dictionary = optimizer.state_dict()
    dictionary["param_groups"][0]["train_mode"] = False
    with refused(ValueError, "train_mode: expected the same in all groups", optimizer):
        optimizer.load_state_dict(dictionary)
    dictionary["param_groups"][1]["train_mode"] = 0
    with refused(TypeError, r"param_groups\[1\]\['train_mode'\]: expected True or", optimizer):
        optimizer.load_state_dict(dictionary)
    del dictionary["param_groups"][1]["train_mode"]
    with refused(KeyError, "train_mode", optimizer):
        optimizer.load_state_dict(dictionary)


@each_class
def test_rebinding_keeps_the_mode(name: str) -> None:
    optimizer = trained(name, train_mode=False)
    twin = copy.deepcopy(optimizer)
    optimizer.rebind(copied(params_of(optimizer)))
    go_on(twin, optimizer)


@each_class
def test_a_reset_begins_in_train_mode_where_the_parameters_are(name: str) -> None:
    optimizer = trained(name, train_mode=False)
    before = copied(params_of(optimizer))
    optimizer.reset()
    assert optimizer.train_mode
    assert_same(params_of(optimizer), before)
    go_on(make(name, copied(before), lr=0.1, **beta(name)), optimizer)


@each_class
def test_keyed_optimizers_have_a_mode_each(name: str, tmp_path: Path) -> None:
    weights = {key: filled(np.empty(4), seed) for seed, key in enumerate("ab")}
    keyed = instep.Keyed(getattr(instep, name), lr=0.1)
    for key in "ab":
        keyed.step(key, weights[key], np.ones(4))
        keyed.step(key, weights[key], -np.ones(4))
    one: Any = keyed.optimizers["a"]
    one.eval()
    with pytest.raises(RuntimeError, match=r"train\(\)"):
        keyed.step("a", weights["a"], np.ones(4))
    keyed.save(tmp_path / "keys.npz")
    by_file, by_dictionary = (instep.Keyed(getattr(instep, name), lr=0.1) for _ in range(2))
    by_file.load(tmp_path / "keys.npz")
    by_dictionary.load_state_dict(keyed.state_dict())
    for resumed in (by_file, by_dictionary):
        with pytest.raises(RuntimeError, match=r"train\(\)"):
            resumed.step("a", weights["a"].copy(), np.ones(4))
        resumed.step("b", weights["b"].copy(), np.ones(4))
