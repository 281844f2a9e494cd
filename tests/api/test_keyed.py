"""One array at a time, by a key: each key steps as an optimizer of its own does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import Options, assert_same, copied, each_variant, make, random_arrays
from tests.cases import Array

KEYS: list[Any] = ["w", 3, ("layer", 0), (1, ("b", 2)), ()]
FORMATS = ["npz", "safetensors"]


def keyed_of(name: str, **options: Any) -> Any:
    """Construct one; untyped, for tests that pass what must be refused."""
    return instep.Keyed(getattr(instep, name), **options)


def parameters() -> list[Array]:
    shapes: list[Any] = [(4, 3), 5, (), (0, 2), (2, 2)]
    return random_arrays([np.empty(shape, np.float32) for shape in shapes], seed=0)


def step_all(keyed: Any, params: list[Array], seed: int, **more: Any) -> None:
    for key, param, grad in zip(KEYS, params, random_arrays(params, seed), strict=True):
        keyed.step(key, param, grad, **more)


def stepped(name: str = "Adam", **options: Any) -> tuple[Any, list[Array]]:
    keyed, params = keyed_of(name, **options), parameters()
    for seed in range(2):
        step_all(keyed, params, seed)
    return keyed, params


@each_variant
def test_each_key_steps_as_an_optimizer_of_its_own(name: str, options: Options) -> None:
    params, same = parameters(), parameters()
    keyed = keyed_of(name, **options)
    optimizers = [make(name, param, **options) for param in same]
    for seed in range(4):
        step_all(keyed, params, seed)
        for optimizer, grad in zip(optimizers, random_arrays(same, seed), strict=True):
            optimizer.step(grad)
    assert_same(params, same)
    assert list(keyed.optimizers) == KEYS
    states = [optimizer.state_dict() for optimizer in optimizers]
    assert_same(list(keyed.state_dict().values()), states)


def test_another_array_takes_the_place_of_the_keys() -> None:
    keyed, twin = keyed_of("Adam", lr=0.5), instep.Adam(w := np.zeros(3), lr=0.5)
    weights = np.zeros(3)
    for seed in range(3):
        (grad,) = random_arrays([w], seed)
        former, weights = weights, weights.copy()
        keyed.step("w", weights, grad)
        former[...] = 7.0
        twin.step(grad)
    assert_same(weights, w)
    assert (former == 7.0).all()


def test_a_rate_stays_until_another_is_given() -> None:
    keyed, w = keyed_of("SGD", lr=1.0), np.zeros(2)
    for lr in (None, 0.5, None, 0.25):
        keyed.step("w", w, np.ones(2), lr)
    assert w.tolist() == [-2.25] * 2
    other = np.zeros(2)
    keyed.step("other", other, np.ones(2))
    assert other.tolist() == [-1.0] * 2


def test_attributes_cannot_be_set() -> None:
    keyed, _ = stepped()
    for name in ("lr", "optimizers", "learning_rate"):
        with pytest.raises(AttributeError, match=name):
            setattr(keyed, name, 0.5)


def test_what_an_optimizer_takes() -> None:
    keyed, table = keyed_of("SGD", lr=1.0), np.zeros((3, 2))
    keyed.step("t", table, instep.RowGradient(np.array([1]), np.ones((1, 2))))
    keyed.step("t", table, None)
    keyed.step("t", table, np.ones((3, 2)), grad_scale=2.0)
    assert table.tolist() == [[-0.5] * 2, [-1.5] * 2, [-0.5] * 2]
    assert keyed.optimizers["t"].steps == 3


def test_an_array_of_another_library_is_stepped_in_its_memory() -> None:
    torch = pytest.importorskip("torch")
    keyed, tensor = keyed_of("SGD", lr=1.0), torch.zeros(3)
    for _ in range(2):
        keyed.step("w", tensor, torch.ones(3))
    assert tensor.tolist() == [-2.0] * 3


def test_after_a_reset_each_key_begins_anew() -> None:
    keyed, params = stepped(lr=0.5)
    keyed.reset()
    assert keyed.state_dict() == {}
    new, same = keyed_of("Adam", lr=0.5), copied(params)
    step_all(keyed, params, seed=5)
    step_all(new, same, seed=5)
    assert_same(params, same)
    assert_same(keyed.state_dict(), new.state_dict())


def by_two_dictionaries(keyed: Any, new: Any, _: Path) -> None:
    between = keyed_of(keyed._class.__name__, **keyed._options)
    between.load_state_dict(keyed.state_dict())
    new.load_state_dict(between.state_dict())


def by_two_files(keyed: Any, new: Any, folder: Path) -> None:
    between = keyed_of(keyed._class.__name__, **keyed._options)
    keyed.save(folder / "keyed.npz")
    between.load(folder / "keyed.npz")
    between.save(folder / "keyed.npz")
    new.load(folder / "keyed.npz")


def by_safetensors(keyed: Any, new: Any, folder: Path) -> None:
    keyed.save(folder / "keyed.safetensors")
    new.load(folder / "keyed.safetensors")


WAYS = [by_two_dictionaries, by_two_files, by_safetensors]


@pytest.mark.parametrize("way", WAYS)
@each_variant
def test_going_on_elsewhere(
    name: str, options: Options, way: Callable[[Any, Any, Path], None], tmp_path: Path
) -> None:
    keyed, params = stepped(name, **options)
    new, same = keyed_of(name, **options), copied(params)
    step_all(new, copied(params), seed=9)  # which is forgotten
    way(keyed, new, tmp_path)
    assert_same(new.state_dict(), keyed.state_dict())
    for seed in range(5, 7):
        step_all(keyed, params, seed)
        step_all(new, same, seed)
    assert_same(same, params)
    assert_same(new.state_dict(), keyed.state_dict())


def halving(step: int) -> float:
    return 0.5**step


def test_a_schedule_goes_on_at_the_keys_count(tmp_path: Path) -> None:
    keyed, w = keyed_of("SGD", lr=halving, nonfinite="skip"), np.zeros(1)
    keyed.step("w", w, np.ones(1))
    keyed.step("w", w, np.array([np.nan]))
    keyed.save(tmp_path / "keyed.npz")
    new = keyed_of("SGD", lr=halving, nonfinite="skip")
    new.load(tmp_path / "keyed.npz")
    new.step("w", w, np.ones(1))
    assert w.tolist() == [-1.5]
    assert new.optimizers["w"].skipped_steps == 1


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["copy", "pickle"]
)
def test_copies_go_on(duplicate: Callable[[Any], Any]) -> None:
    keyed, params = stepped()
    other, same = duplicate(keyed), copied(params)
    step_all(keyed, params, seed=5)
    step_all(other, same, seed=5)
    assert_same(same, params)
    with pytest.raises(TypeError, match="deepcopy"):
        copy.copy(keyed)


NO_KEYED: dict[str, tuple[Any, Options, type[Exception], str]] = {
    "no class": (instep.Adam(np.zeros(1)), {}, TypeError, "optimizer: expected a class"),
    "another class": (dict, {}, TypeError, "optimizer: expected a class.*dict"),
    "no option": (instep.Adam, {"learning_rate": 1.0}, TypeError, "learning_rate"),
    "out of range": (instep.Adam, {"lr": -1.0}, ValueError, "lr"),
}


@pytest.mark.parametrize(
    ("optimizer", "options", "error", "match"), NO_KEYED.values(), ids=NO_KEYED
)
def test_what_none_is_made_of(
    optimizer: Any, options: Options, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        instep.Keyed(optimizer, **options)


G = np.ones(3)

NO_STEPS: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "a key of another type": ((1.5, G.copy(), G), TypeError, "key: expected str, int.*1.5"),
    "a key that is true": ((True, G.copy(), G), TypeError, "key.*True"),
    "a key in a tuple": ((("w", None), G.copy(), G), TypeError, "key.*None"),
    "weights that are a list": (("new", [1.0], G), TypeError, "weights.*list"),
    "weights of integers": (("new", np.ones(3, int), G), TypeError, "float32"),
    "a gradient of another shape": (("new", G.copy(), np.ones(2)), ValueError, "gradient.*shape"),
    "the same for a known key": (("w", G.copy(), np.ones(2)), ValueError, "gradient.*shape"),
    "weights of another shape": (("w", np.ones(4), np.ones(4)), ValueError, r"\(3,\).*\(4,\)"),
    "weights of another dtype": (("w", np.ones(3, "f4"), G), TypeError, "float64.*float32"),
    "a rate out of range": (("w", G.copy(), G, -1.0), ValueError, "lr"),
    "a rate with a bad gradient": (("w", G.copy(), np.ones(2), 0.75), ValueError, "gradient"),
}


@pytest.mark.parametrize(("arguments", "error", "match"), NO_STEPS.values(), ids=NO_STEPS)
def test_steps_that_are_refused(
    arguments: tuple[Any, ...], error: type[Exception], match: str
) -> None:
    keyed, w = keyed_of("Adam", lr=0.5), np.zeros(3)
    keyed.step("w", w, G)
    before = [keyed.state_dict(), w.copy(), copy.deepcopy(arguments)]
    with pytest.raises(error, match=match) as caught:
        keyed.step(*arguments)
    assert_same([keyed.state_dict(), w, arguments], before)
    if not str(caught.value).startswith("key"):
        assert caught.value.__notes__ == [f"key: {arguments[0]!r}"]


ADAM = {"w": instep.Adam(np.zeros(3)).state_dict()}

NO_DICTIONARIES: dict[str, tuple[Any, type[Exception], str]] = {
    "a list": ([], TypeError, "state_dict: expected a mapping"),
    "a key of another type": ({None: ADAM["w"]}, TypeError, "key.*None"),
    "an optimizer's own": (ADAM["w"], KeyError, "'state'.*expected the key 'state'"),
    "no state": ({"w": {"param_groups": []}}, KeyError, "state"),
    "another rule's": ({"w": instep.SGD(G.copy()).state_dict()}, KeyError, "betas"),
    "other options": (
        {"w": instep.Adam(G.copy(), amsgrad=True).state_dict()},
        ValueError,
        "max_exp_avg_sq",
    ),
    "two parameters": (
        {"w": instep.Adam([G.copy(), G.copy()]).state_dict()},
        ValueError,
        "expected 1 parameters, got 2",
    ),
    "one of two that fits": ({**ADAM, "b": {"state": {}, "param_groups": []}}, ValueError, "1"),
}


@pytest.mark.parametrize(("given", "error", "match"), NO_DICTIONARIES.values(), ids=NO_DICTIONARIES)
def test_dictionaries_that_are_refused(given: Any, error: type[Exception], match: str) -> None:
    keyed, params = stepped()
    before = keyed.state_dict()
    with pytest.raises(error, match=match):
        keyed.load_state_dict(given)
    assert_same(keyed.state_dict(), before)
    step_all(keyed, params, seed=5)


def test_what_was_loaded_must_fit_the_weights() -> None:
    keyed = keyed_of("Adam")
    keyed.load_state_dict(ADAM)
    with pytest.raises(ValueError, match=r"\(4,\)") as caught:
        keyed.step("w", np.zeros(4), np.ones(4))
    assert caught.value.__notes__ == ["key: 'w'"]
    keyed.step("w", np.zeros(3), np.ones(3))


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_and_foreign_files_are_refused(suffix: str, tmp_path: Path) -> None:
    keyed, params = stepped("RMSprop", momentum=0.5)
    before = keyed.state_dict()
    path = tmp_path / f"keyed.{suffix}"
    keyed.save(path)
    whole = path.read_bytes()
    for at in range(0, len(whole), 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        new = keyed_of("RMSprop", momentum=0.5)
        try:
            new.load(path)
        except instep.CheckpointError:
            assert new.state_dict() == {}
        else:
            assert_same(new.state_dict(), before)  # a byte that says nothing
    for length in range(0, len(whole), 997):
        path.write_bytes(whole[:length])
        with pytest.raises(instep.CheckpointError):
            keyed.load(path)
    instep.RMSprop(params[0]).save(path)
    with pytest.raises(instep.CheckpointError, match="Keyed RMSprop"):
        keyed.load(path)
    path.write_bytes(whole)
    with pytest.raises(instep.CheckpointError, match=r"RMSprop.*Keyed RMSprop"):
        instep.RMSprop(params[0]).load(path)
    with pytest.raises(instep.CheckpointError, match="Keyed Adam"):
        keyed_of("Adam").load(path)
    with pytest.raises(instep.CheckpointError, match="momentum"):
        keyed_of("RMSprop").load(path)
    assert_same(keyed.state_dict(), before)
