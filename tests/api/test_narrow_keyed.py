"""Keys whose states or weights lie in 16 bits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import assert_same, copied, make, random_arrays
from tests.api.narrow import BFLOAT16, FLOAT16
from tests.api.test_keyed import WAYS, keyed_of
from tests.cases import Array
from tests.trust.forged import forge

KEYS: list[Any] = ["w", ("layer", 0), 3, "empty"]

STORAGE: dict[str, tuple[str, dict[str, Any]]] = {
    "states": ("Adam", {"state_dtype": BFLOAT16}),
    "a state": ("Adam", {"state_dtype": {"exp_avg_sq": BFLOAT16}}),
    "states of 16 bits": ("RMSprop", {"state_dtype": FLOAT16, "momentum": 0.5}),
    "weights by chance": ("SGD", {"param_rounding": "stochastic"}),
    "a master": ("SGD", {"master_weight_bits": 32}),
    "both": ("AdamW", {"state_dtype": BFLOAT16, "master_weight_bits": 32}),
}

each_storage = pytest.mark.parametrize(("name", "options"), STORAGE.values(), ids=STORAGE)


def weights() -> list[Array]:
    like = [
        np.empty((4, 3), np.float32),
        np.empty(5, BFLOAT16),
        np.empty((), np.float64),
        np.empty((0, 2), BFLOAT16),
    ]
    return random_arrays(like, seed=0)


def step_all(keyed: Any, params: list[Array], seed: int) -> None:
    for key, param, grad in zip(KEYS, params, random_arrays(params, seed), strict=True):
        keyed.step(key, param, grad)


@each_storage
def test_each_key_steps_as_an_optimizer_of_its_own(name: str, options: dict[str, Any]) -> None:
    params, same = weights(), weights()
    keyed = keyed_of(name, seed=5, **options)
    optimizers = [make(name, param, seed=5, **options) for param in same]
    for seed in range(3):
        step_all(keyed, params, seed)
        for optimizer, grad in zip(optimizers, random_arrays(same, seed), strict=True):
            optimizer.step(grad)
    assert_same(params, same)
    assert_same(list(keyed.state_dict().values()), [each.state_dict() for each in optimizers])


@pytest.mark.parametrize("way", WAYS)
@each_storage
def test_going_on_elsewhere(
    name: str, options: dict[str, Any], way: Callable[[Any, Any, Path], None], tmp_path: Path
) -> None:
    keyed, params = keyed_of(name, seed=5, **options), weights()
    for seed in range(2):
        step_all(keyed, params, seed)
    new, same = keyed_of(name, **options), copied(params)
    way(keyed, new, tmp_path)
    assert_same(new.state_dict(), keyed.state_dict())
    for seed in range(5, 7):
        step_all(keyed, params, seed)
        step_all(new, same, seed)
    assert_same(same, params)
    assert_same(new.state_dict(), keyed.state_dict())


def test_a_file_has_the_types_of_the_weights_where_they_are_known(tmp_path: Path) -> None:
    def described() -> Any:
        with np.load(tmp_path / "keyed.npz", allow_pickle=False) as archive:
            return json.loads(archive["metadata.json"])["params"]

    keyed, params = keyed_of("Adam", state_dtype=BFLOAT16), weights()
    step_all(keyed, params, seed=0)
    keyed.save(tmp_path / "keyed.npz")
    types: list[Any] = [
        ["float32", [4, 3]],
        ["bfloat16", [5]],
        ["float64", []],
        ["bfloat16", [0, 2]],
    ]
    assert described() == types
    between = keyed_of("Adam", state_dtype=BFLOAT16)
    between.load(tmp_path / "keyed.npz")
    between.save(tmp_path / "keyed.npz")
    assert described() == types
    between.load_state_dict(keyed.state_dict())
    between.save(tmp_path / "keyed.npz")
    assert described() == [[None, shape] for _, shape in types]


def test_states_are_widened_by_the_first_step_and_never_narrowed(tmp_path: Path) -> None:
    keyed, params = keyed_of("Adam", state_dtype=BFLOAT16), weights()
    step_all(keyed, params, seed=0)
    keyed.save(tmp_path / "keyed.npz")
    wider = keyed_of("Adam")
    wider.load(tmp_path / "keyed.npz")
    step_all(wider, copied(params), seed=1)
    (state,) = wider.state_dict()["w"]["state"].values()
    assert state["exp_avg"].dtype == np.float32
    keyed.load_state_dict(wider.state_dict())
    before = copied(params)
    with pytest.raises(TypeError, match="exp_avg: expected dtype bfloat16, got float32") as caught:
        keyed.step("w", params[0], np.ones((4, 3), np.float32))
    assert caught.value.__notes__ == ["key: 'w'"]
    assert_same(params, before)


def test_dictionaries_of_others_are_saved_too(tmp_path: Path) -> None:
    """They have neither a count of the optimizer's steps nor a seed."""
    keyed = keyed_of("Adam", seed=9)
    dictionary = instep.Adam(np.zeros(3)).state_dict()
    del dictionary["steps"], dictionary["seed"]
    keyed.load_state_dict({"w": dictionary})
    keyed.save(tmp_path / "keyed.npz")
    new = keyed_of("Adam")
    new.load(tmp_path / "keyed.npz")
    assert (new.state_dict()["w"]["seed"], new.state_dict()["w"]["steps"]) == (9, 0)


def test_what_was_saved_before_there_were_types_loads(tmp_path: Path) -> None:
    def older(metadata: dict[str, Any], _: Any) -> None:
        del metadata["dtypes"], metadata["seed"]
        for group in metadata["param_groups"]:
            del group["seed"]

    keyed, w = keyed_of("Adam", seed=9), np.zeros(3)
    keyed.step("w", w, np.ones(3))
    keyed.save(tmp_path / "new.npz")
    forge(tmp_path / "old.npz", tmp_path / "new.npz", older)
    new = keyed_of("Adam", seed=9)
    new.load(tmp_path / "old.npz")
    assert_same(new.state_dict(), keyed.state_dict())


def test_a_huge_key_is_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    keyed = keyed_of("Adam", state_dtype=BFLOAT16)
    keyed.step("w", np.zeros(3), np.ones(3))
    keyed.save(tmp_path / "keyed.npz")
    forge(
        tmp_path / "forged.npz",
        tmp_path / "keyed.npz",
        lambda metadata, _: metadata["params"][0].__setitem__(1, [2**40]),
    )
    with pytest.raises(instep.CheckpointError, match="fewer than the arrays"):
        keyed.load(tmp_path / "forged.npz")


@pytest.mark.parametrize("copies", [np.zeros(1, np.float32), [None], {}])
def test_copies_are_no_option_of_all_keys(copies: Any) -> None:
    with pytest.raises(TypeError, match=r"copies: expected none.*Keyed"):
        instep.Keyed(instep.Adam, copies=copies)


def test_options_are_refused_as_an_optimizer_refuses_them() -> None:
    with pytest.raises(ValueError, match="state_dtype"):
        instep.Keyed(instep.RMSprop, centered=True, state_dtype=BFLOAT16)
    keyed = keyed_of("SGD", master_weight_bits=32)
    with pytest.raises(ValueError, match=r"float16.*copies="):
        keyed.step("w", np.zeros(2, FLOAT16), np.ones(2, FLOAT16))
    assert dict(keyed.optimizers) == {}
