"""What optimizers do whose states, parameters or copies lie in 16 bits, beside their steps."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from instep import reference
from tests.api.model import (
    COPIES,
    Options,
    assert_same,
    each_variant,
    each_way,
    make,
    params_of,
    random_arrays,
)
from tests.api.narrow import BFLOAT16, FLOAT16, WAYS, odd_parameters
from tests.cases import Array
from tests.trust.made import everything, step_with

each_storage = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def own(arrays: Any) -> list[Array | None]:
    """Return arrays of their own memory, and None for those that are none."""
    return [None if array is None else np.array(array) for array in arrays]


@each_storage
@each_way
@each_variant
def test_copies_and_pickles_continue(
    name: str, options: Options, duplicate: Callable[[Any], Any], way: Callable[..., Any]
) -> None:
    optimizer = way(name, odd_parameters(), **options)
    for seed in range(2):
        step_with(optimizer, seed)
    twin = duplicate(optimizer)
    for mine, theirs in zip(params_of(twin), params_of(optimizer), strict=True):
        assert not np.shares_memory(mine, theirs)
    before = [everything(twin), own(twin.copies)]
    assert_same(before, [everything(optimizer), own(optimizer.copies)])
    step_with(optimizer, 5)
    assert_same([everything(twin), own(twin.copies)], before)
    step_with(twin, 5)
    assert_same(
        [everything(twin), own(twin.copies)], [everything(optimizer), own(optimizer.copies)]
    )
    for option in ("state_dtype", "state_rounding", "param_rounding", "master_weight_bits", "seed"):
        assert getattr(twin, option) == getattr(optimizer, option)


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_arrays_that_are_duplicated_with_their_optimizer_stay_joined(
    duplicate: Callable[[Any], Any],
) -> None:
    w, shown = np.ones(3, np.float32), np.zeros(3, BFLOAT16)
    optimizer = make("SGD", w, lr=0.5, copies=shown)
    w, shown, optimizer = duplicate((w, shown, optimizer))
    optimizer.step(np.ones(3, np.float32))
    assert optimizer.param_groups[0]["params"][0] is w
    assert optimizer.copies == (shown,)
    assert (w == 0.5).all()
    assert (shown == 0.5).all()


def test_copies_that_were_unpickled_read_only_are_refused() -> None:
    optimizer = make("SGD", np.ones(3, np.float32), copies=np.zeros(3, FLOAT16))
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(optimizer, 5, buffer_callback=buffers.append)
    writable = [bytearray(buffer) for buffer in buffers]
    pickle.loads(data, buffers=writable).step(np.ones(3, np.float32))
    (copy_of_it,) = [k for k, buffer in enumerate(writable) if len(buffer) == 6]
    mixed = [bytes(each) if k == copy_of_it else each for k, each in enumerate(writable)]
    with pytest.raises(ValueError, match="parameters and copies: expected writable arrays"):
        pickle.loads(data, buffers=mixed)


def master_of(optimizer: Any) -> Array:
    (param,) = params_of(optimizer)
    rest = optimizer.state_dict()["state"][0]["param_rest"]
    return reference.join_master(param, rest)


def with_master(**options: Any) -> Any:
    w = np.array([1.0, -0.3, 2.5], BFLOAT16)
    optimizer = make("Adam", w, lr=0.001, master_weight_bits=32, **options)
    for seed in range(3):
        optimizer.step(np.array([0.1, 0.2, -seed], np.float32))
    return optimizer


def test_a_dictionary_takes_the_master_elsewhere() -> None:
    optimizer = with_master()
    (param,) = params_of(optimizer)
    dictionary = optimizer.state_dict()
    assert dictionary["state"][0]["param_rest"].dtype == np.int16
    other = make("Adam", param.copy(), master_weight_bits=32)
    other.load_state_dict(dictionary)
    assert_same(master_of(other), master_of(optimizer))
    del dictionary["state"][0]["param_rest"]
    other.load_state_dict(dictionary)
    assert_same(master_of(other), param.astype(np.float32))


def test_states_are_widened_by_loading_and_never_narrowed() -> None:
    narrow = make("Adam", np.ones(3, np.float32), state_dtype=BFLOAT16)
    narrow.step(np.full(3, 0.3, np.float32))
    wide = make("Adam", np.ones(3, np.float32))
    wide.load_state_dict(narrow.state_dict())
    saved, found = (each.state_dict()["state"][0] for each in (narrow, wide))
    assert_same(found["exp_avg"], saved["exp_avg"].astype(np.float32))
    double = make("Adam", np.ones(3))
    double.load_state_dict(narrow.state_dict())
    assert_same(double.state_dict()["state"][0]["exp_avg"], saved["exp_avg"].astype(np.float64))
    before = everything(narrow)
    with pytest.raises(TypeError, match="exp_avg: expected dtype bfloat16, got float32"):
        narrow.load_state_dict(wide.state_dict())
    half = make("Adam", np.ones(3, np.float32), state_dtype=FLOAT16)
    with pytest.raises(TypeError, match="exp_avg: expected dtype bfloat16, got float16"):
        narrow.load_state_dict(half.state_dict())
    assert_same(everything(narrow), before)


REFUSED_DICTIONARIES: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a rest of another type": (
        {"param_rest": np.zeros(3, np.int32)},
        TypeError,
        "param_rest: expected dtype int16, got int32",
    ),
    "a rest in floats": (
        {"param_rest": np.zeros(3, FLOAT16)},
        TypeError,
        "param_rest: expected dtype int16, got float16",
    ),
    "a rest of another shape": (
        {"param_rest": np.zeros(4, np.int16)},
        ValueError,
        r"param_rest: expected shape \(3,\), got \(4,\)",
    ),
    "the other byte order": (
        {"exp_avg": np.zeros(3, np.dtype(np.float16).newbyteorder())},
        TypeError,
        "exp_avg: expected dtype .*, got >f2",
    ),
    "bytes": ({"exp_avg": np.zeros(3, "V2")}, TypeError, "exp_avg: expected dtype .*, got.*V2"),
}


@pytest.mark.parametrize(
    ("state", "error", "match"), REFUSED_DICTIONARIES.values(), ids=REFUSED_DICTIONARIES
)
def test_dictionaries_that_are_refused(
    state: dict[str, Any], error: type[Exception], match: str
) -> None:
    optimizer = with_master()
    before = everything(optimizer)
    dictionary = optimizer.state_dict()
    dictionary["state"][0] |= state
    with pytest.raises(error, match=match):
        optimizer.load_state_dict(dictionary)
    assert_same(everything(optimizer), before)


def test_a_seed_is_loaded_where_there_is_one() -> None:
    optimizer = make("SGD", np.ones(3, BFLOAT16), seed=2**64 - 1)
    other = make("SGD", np.ones(3, BFLOAT16), seed=4)
    dictionary = optimizer.state_dict()
    other.load_state_dict({name: dictionary[name] for name in ("state", "param_groups")})
    assert other.seed == 4
    other.load_state_dict(dictionary)
    assert other.seed == other.state_dict()["seed"] == 2**64 - 1
    for wrong, error in (
        (-1, ValueError),
        (2**64, ValueError),
        (1.0, TypeError),
        (True, TypeError),
    ):
        with pytest.raises(error, match="seed"):
            other.load_state_dict(dictionary | {"seed": wrong})
    other.reset()
    assert other.seed == 2**64 - 1


def test_a_reset_leaves_the_master_and_copies_as_they_are() -> None:
    shown = np.zeros(3, np.float32)
    optimizer = with_master(seed=9, copies=shown, state_dtype=BFLOAT16)
    before = [master_of(optimizer), params_of(optimizer)[0].copy(), shown.copy()]
    optimizer.reset()
    assert_same([master_of(optimizer), params_of(optimizer)[0], shown], before)
    assert_same(shown, before[0])
    assert not optimizer.state_dict()["state"][0]["exp_avg"].any()


def test_another_array_takes_the_place_with_the_rest_and_copies_get_it() -> None:
    shown = np.full(3, 9.0, np.float32)
    optimizer = with_master(copies=shown)
    master, former = master_of(optimizer), params_of(optimizer)[0].copy()
    shown[...] = 9.0
    other = np.repeat(former, 2)[::2]
    optimizer.rebind(other)
    assert_same([master_of(optimizer), shown], [master, master])
    shown[...] = 9.0
    for wrong, error in (
        (former.astype(np.float32), TypeError),
        (former.astype(FLOAT16), TypeError),
        (former[:2].copy(), ValueError),
        (shown.view(BFLOAT16)[::2], ValueError),
    ):
        with pytest.raises(error):
            optimizer.rebind(wrong)
    assert (shown == 9.0).all()
    assert params_of(optimizer)[0] is other


def test_what_is_skipped_writes_no_copy() -> None:
    shown = [np.full(3, 9.0, FLOAT16), np.full(3, 9.0, BFLOAT16)]
    params = [np.ones(3, np.float32), np.ones(3, BFLOAT16)]
    optimizer = make("SGD", params, lr=0.5, copies=shown, nonfinite="skip")
    assert all((each == 9.0).all() for each in shown), "not by making an optimizer"
    optimizer.step([None, None])
    optimizer.step([np.ones(3, np.float32), np.full(3, np.nan, np.float32)])
    assert all((each == 9.0).all() for each in shown)
    optimizer.nonfinite = "raise"
    with pytest.raises(FloatingPointError):
        optimizer.step([np.ones(3, np.float32), np.full(3, np.inf, np.float32)])
    with pytest.raises(ValueError, match="shape"):
        optimizer.step([np.ones(3, np.float32), np.ones(4, np.float32)])
    assert all((each == 9.0).all() for each in shown)
    assert_same(params, [np.ones(3, np.float32), np.ones(3, BFLOAT16)])
    optimizer.step([np.ones(3, np.float32), None])
    assert [each.tolist() for each in shown] == [[0.5] * 3, [9.0] * 3]


def test_rows_that_are_not_touched_are_not_copied() -> None:
    table, shown = np.ones((3, 2), np.float32), np.full((3, 2), 9.0, BFLOAT16)
    optimizer = make("SGD", table, lr=0.5, copies=shown)
    optimizer.step(instep.RowGradient(np.array([2, 0, 2]), np.ones((3, 2), BFLOAT16)))
    assert shown.tolist() == [[0.5, 0.5], [9.0, 9.0], [0.0, 0.0]]


def test_a_group_that_comes_later_has_copies_of_its_own() -> None:
    first, second, third = (np.zeros(2, BFLOAT16) for _ in range(3))
    optimizer = make("SGD", {"a": np.ones(2)}, lr=0.5, copies={"a": first})
    optimizer.add_param_group(
        {"params": {"b": np.ones(2), "c": np.ones(2)}}, copies={"c": second, "b": None}
    )
    optimizer.add_param_group({"params": {"d": np.ones(2)}})
    assert list(map(id, optimizer.copies)) == list(map(id, (first, None, second, None)))
    optimizer.step({name: np.ones(2) for name in "abcd"})
    assert first.tolist() == second.tolist() == [0.5, 0.5]
    of_one = make("SGD", [np.ones(2)])
    of_one.add_param_group({"params": np.ones(2)}, copies=third)
    of_one.add_param_group({"params": [np.ones(2)]}, copies=[None])
    assert of_one.copies[1] is third


def halving(step: int) -> float:
    return 0.5**step


@each_storage
def test_schedules_and_changed_rates(way: Callable[..., Any]) -> None:
    scheduled, twin = (way("Adam", odd_parameters(), lr=lr) for lr in (halving, 1.0))
    for step in range(3):
        twin.lr = halving(step)
        for each in (scheduled, twin):
            step_with(each, step)
    assert_same(params_of(scheduled), params_of(twin))
    assert_same(scheduled.copies, twin.copies)


@pytest.mark.parametrize("param", [BFLOAT16, FLOAT16], ids=str)
def test_arrays_in_files(param: np.dtype[Any], tmp_path: Path) -> None:
    values = np.linspace(-1, 1, 300).astype(param)
    mapped, shown = (
        np.memmap(tmp_path / name, param, "w+", shape=(100, 3)) for name in ("w", "copy")
    )
    mapped[...] = values.reshape(100, 3)
    plain, its_copy = np.array(mapped), np.zeros((100, 3), param)
    options: Options = {"param_rounding": "stochastic", "state_dtype": param}
    for w, to in ((mapped, shown), (plain, its_copy)):
        optimizer = make("Adam", w, copies=to, **options)
        for seed in range(2):
            optimizer.step(random_arrays([plain], seed)[0])
    assert_same([np.array(mapped), np.array(shown)], [plain, its_copy])
    found = np.fromfile(tmp_path / "copy", np.uint16).view(param)
    assert_same(found.reshape(100, 3), its_copy)


class Special(np.ndarray[Any, np.dtype[Any]]):
    """An ndarray of another class, to whose elements nothing can be assigned."""

    def __setitem__(self, *_: Any) -> None:
        raise AssertionError


def test_arrays_of_another_class() -> None:
    w, shown = np.ones(3, BFLOAT16).view(Special), np.zeros(3, FLOAT16).view(Special)
    optimizer = make("SGD", w, lr=0.5, copies=shown, master_weight_bits=32)
    optimizer.step(np.ones(3, BFLOAT16))
    assert w.tolist() == shown.tolist() == [0.5] * 3
    assert optimizer.copies[0] is shown


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1, 1)])
def test_small_arrays(shape: tuple[int, ...], tmp_path: Path) -> None:
    def made() -> tuple[Any, Array]:
        shown = np.zeros(shape, FLOAT16)
        return make(
            "Adam",
            np.ones(shape, BFLOAT16),
            lr=0.5,
            master_weight_bits=32,
            state_dtype=BFLOAT16,
            copies=shown,
        ), shown

    (optimizer, shown), (other, loaded) = made(), made()
    optimizer.step(np.ones(shape, np.float32))
    assert_same(shown, np.full(shape, 0.5, FLOAT16))
    optimizer.save(tmp_path / "run.npz", params=True)
    other.load(tmp_path / "run.npz", params=True)
    assert_same(everything(other)[:4], everything(optimizer)[:4])
    assert_same(loaded, shown)
    other.rebind(np.ones(shape, BFLOAT16))
    assert_same(copy.deepcopy(other).state_dict(), other.state_dict())


def test_a_line_search_over_parameters_of_16_bits() -> None:
    """It is the rounded point that must be lower; where none is, nothing moves."""
    for dtype in (BFLOAT16, FLOAT16):
        w = np.array([1.0, -2.0], dtype)
        search = instep.line_search.ArmijoSGD(w, batch_fraction=1.0)

        def loss(w: Array = w) -> float:
            return float(np.sum(w.astype(np.float64) ** 2))

        losses = [loss()]
        for _ in range(5):
            search.step(loss, 2 * w)
            losses.append(loss())
        assert losses == sorted(losses, reverse=True)
        assert losses[-1] < 0.1 * losses[0]
        before, failed = w.copy(), search.failed_searches
        search.step(lambda: 1.0, np.ones(2, dtype))
        assert search.failed_searches == failed + 1
        assert_same(w, before)


@pytest.mark.parametrize("cut", [0, 1, 4096, 5000])
def test_parts_of_an_array_round_as_the_whole_where_they_know_their_first_index(cut: int) -> None:
    rng = np.random.default_rng(0)
    whole = rng.standard_normal(5000).astype(BFLOAT16)
    parted = whole.copy()
    options: dict[str, Any] = {"param_rounding": "stochastic", "state_dtype": "bfloat16"}
    optimizer = instep.Adam(whole, **options)
    parts = [instep.Adam(each, **options) for each in (parted[:cut], parted[cut:])]
    parts[1]._set_first_indices([cut])
    for _ in range(2):
        grad = rng.standard_normal(5000).astype(np.float32)
        optimizer.step(grad)
        for part, each in zip(parts, (grad[:cut], grad[cut:]), strict=True):
            part.step(each)
    np.testing.assert_array_equal(parted.view(np.uint16), whole.view(np.uint16))
