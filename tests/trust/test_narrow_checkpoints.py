"""Checkpoints of what lies in 16 bits: as it lies there, or widened, but never narrowed."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import Options, assert_same, copied, each_variant, make, params_of
from tests.api.narrow import BFLOAT16, FLOAT16, WAYS, odd_parameters
from tests.cases import Array
from tests.trust.forged import forge, parts
from tests.trust.made import (
    FORMATS,
    assert_goes_on_like,
    everything,
    fingerprint,
    step_with,
)

each_format = pytest.mark.parametrize("suffix", FORMATS)


@each_format
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("with_params", [False, True])
@each_variant
def test_resumes_bit_for_bit(
    name: str,
    options: Options,
    with_params: bool,
    way: Callable[..., Any],
    suffix: str,
    tmp_path: Path,
) -> None:
    optimizer = way(name, odd_parameters(), **options)
    for seed in range(3):
        step_with(optimizer, seed)
    optimizer.save(tmp_path / f"run{suffix}", params=with_params)

    resumed = way(name, odd_parameters(), **options)
    step_with(resumed, 17)
    if not with_params:
        for param, value in zip(params_of(resumed), params_of(optimizer), strict=True):
            param[...] = value
    resumed.load(tmp_path / f"run{suffix}", params=with_params)
    assert_same(everything(resumed)[:4], everything(optimizer)[:4])
    if with_params:
        assert_same(resumed.copies, optimizer.copies)
    assert_goes_on_like(resumed, optimizer)
    assert_same(resumed.copies, optimizer.copies)


def bfloat16_adam(dtype: Any = BFLOAT16, **options: Any) -> Any:
    return make("Adam", {"w": np.full((2, 3), 0.75, dtype)}, lr=0.3, **options)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return a file of states and a parameter in bfloat16."""
    optimizer = bfloat16_adam(state_dtype=BFLOAT16, seed=2**64 - 1)
    for seed in range(3):
        step_with(optimizer, seed)
    optimizer.save(tmp_path / "saved.npz", params=True)
    return tmp_path / "saved.npz"


@each_format
@pytest.mark.parametrize(
    ("param", "state"),
    [
        (BFLOAT16, np.float32),
        (np.float32, BFLOAT16),
        (np.float32, np.float32),
        (np.float64, None),
    ],
)
def test_what_is_narrower_is_widened_exactly(
    param: Any, state: Any, suffix: str, saved: Path, tmp_path: Path
) -> None:
    forge(path := tmp_path / f"run{suffix}", saved, lambda *_: None)
    optimizer = bfloat16_adam(param, state_dtype=state)
    step_with(optimizer, 9)
    optimizer.load(path, params=True)
    _, arrays = parts(saved)
    (w,), found = params_of(optimizer), optimizer.state_dict()
    assert_same(w, arrays["param.0"].view(BFLOAT16).astype(param))
    stored = np.dtype(state or param)
    for name in ("exp_avg", "exp_avg_sq"):
        saved_state = arrays[f"state.0.{name}"].view(BFLOAT16)
        assert_same(found["state"][0][name], saved_state.astype(stored))
    assert (optimizer.seed, found["steps"], found["state"][0]["step"]) == (2**64 - 1, 3, 3)


NARROWER: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "states": ({}, {"state_dtype": BFLOAT16}, "exp_avg: expected dtype bfloat16, got float32"),
    "states of the same size": (
        {"state_dtype": FLOAT16},
        {"state_dtype": BFLOAT16},
        "exp_avg: expected dtype bfloat16, got float16",
    ),
    "a parameter": ({"dtype": np.float32}, {}, "'w'.*'bfloat16'.*'float32'"),
    "a parameter of the same size": ({"dtype": FLOAT16}, {}, "'w'.*'bfloat16'.*'float16'"),
    "a master": ({"master_weight_bits": 32}, {"dtype": np.float32}, "got also .'param_rest'"),
    "a master that is not kept": ({"master_weight_bits": 32}, {}, "got also .'param_rest'"),
}


@each_format
@pytest.mark.parametrize(("given", "present", "match"), NARROWER.values(), ids=NARROWER)
def test_nothing_is_narrowed(
    given: dict[str, Any], present: dict[str, Any], match: str, suffix: str, tmp_path: Path
) -> None:
    bfloat16_adam(**given).save(tmp_path / f"run{suffix}", params=True)
    optimizer = bfloat16_adam(**present)
    step_with(optimizer, 1)
    before = everything(optimizer)
    for with_params in (False, True):
        with pytest.raises(instep.CheckpointError, match=match):
            optimizer.load(tmp_path / f"run{suffix}", params=with_params)
    assert_same(everything(optimizer), before)


@each_format
@pytest.mark.parametrize("with_params", [False, True])
def test_a_rest_that_is_missing_is_nothing(
    with_params: bool, suffix: str, saved: Path, tmp_path: Path
) -> None:
    forge(path := tmp_path / f"run{suffix}", saved, lambda *_: None)
    optimizer = bfloat16_adam(master_weight_bits=32)
    step_with(optimizer, 9)
    before = copied(params_of(optimizer))
    optimizer.load(path, params=with_params)
    assert not optimizer.state_dict()["state"][0]["param_rest"].any()
    if not with_params:
        assert_same(params_of(optimizer), before)


@each_format
def test_copies_get_the_parameters_that_are_loaded(
    suffix: str, saved: Path, tmp_path: Path
) -> None:
    forge(path := tmp_path / f"run{suffix}", saved, lambda *_: None)
    copy = np.full((2, 3), 9.0, np.float32).T.copy().T
    optimizer = bfloat16_adam(copies={"w": copy})
    optimizer.load(path)
    assert (copy == 9.0).all()
    optimizer.load(path, params=True)
    assert_same(copy, params_of(optimizer)[0].astype(np.float32))
    assert (copy != 0.75).all()


def test_others_read_the_arrays(saved: Path, tmp_path: Path) -> None:
    """In an archive their bytes, in the other format all of them."""
    metadata, arrays = parts(saved)
    assert {array.dtype for array in arrays.values()} == {np.dtype("V2")}
    assert metadata["dtypes"] == {f"state.0.{name}": "bfloat16" for name in STATES}
    assert metadata["params"] == [["bfloat16", [2, 3]]]
    path = tmp_path / "run.safetensors"
    optimizer = bfloat16_adam(
        state_dtype={"exp_avg": FLOAT16, "exp_avg_sq": BFLOAT16}, master_weight_bits=32
    )
    optimizer.save(path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert {name: header[f"state.0.{name}"]["dtype"] for name in (*STATES, "param_rest")} == {
        "exp_avg": "F16",
        "exp_avg_sq": "BF16",
        "param_rest": "I16",
    }


STATES = ("exp_avg", "exp_avg_sq")


@each_format
def test_files_of_before_have_neither_dtypes_nor_a_seed(suffix: str, tmp_path: Path) -> None:
    def older(metadata: dict[str, Any], _: Any) -> None:
        del metadata["dtypes"], metadata["seed"]

    optimizer = bfloat16_adam(np.float32, seed=7)
    step_with(optimizer, 0)
    optimizer.save(tmp_path / "new.npz", params=True)
    forge(tmp_path / f"old{suffix}", tmp_path / "new.npz", older)
    resumed = bfloat16_adam(np.float32, seed=7)
    resumed.load(tmp_path / f"old{suffix}", params=True)
    assert_goes_on_like(resumed, optimizer)


def stated(dtype: Any) -> Callable[[dict[str, Any], dict[str, Array]], None]:
    return lambda metadata, _: metadata["dtypes"].update({"state.0.exp_avg": dtype})


FORGED: dict[str, tuple[Callable[[dict[str, Any], dict[str, Array]], Any], str]] = {
    "another type of the size": (stated("float16"), "float16|header says"),
    "a wider type": (stated("float32"), "expected dtype bfloat16, got float32|header says"),
    "integers": (stated("int16"), "expected dtype bfloat16, got int16|header"),
    "no type": (stated(None), "expected a dtype among"),
    "a list": (stated(["bfloat16"]), "expected a dtype among"),
    "an unknown type": (stated("V2"), "expected a dtype among"),
    "types that are no mapping": (
        lambda metadata, _: metadata.update(dtypes=["bfloat16"]),
        "dtypes: expected a mapping",
    ),
    "types of other arrays": (lambda metadata, _: metadata.update(seed=-1), "seed"),
    "a value changed": (
        lambda _, arrays: arrays["state.0.exp_avg"].view(np.uint16).__setitem__((0, 0), 1),
        "checksum of state.0.exp_avg",
    ),
}


@each_format
@pytest.mark.parametrize(("change", "match"), FORGED.values(), ids=FORGED)
def test_forged_files(
    change: Callable[[dict[str, Any], dict[str, Array]], Any],
    match: str,
    suffix: str,
    saved: Path,
    tmp_path: Path,
) -> None:
    forge(path := tmp_path / f"run{suffix}", saved, change)
    optimizer = bfloat16_adam(state_dtype=BFLOAT16)
    before = everything(optimizer)
    with pytest.raises(instep.CheckpointError, match=match):
        optimizer.load(path, params=True)
    assert_same(everything(optimizer), before)


@each_format
def test_a_byte_flipped(suffix: str, saved: Path, tmp_path: Path) -> None:
    forge(path := tmp_path / f"run{suffix}", saved, lambda *_: None)
    content = path.read_bytes()
    whole = bfloat16_adam(state_dtype=BFLOAT16)
    fresh = fingerprint(whole)
    whole.load(path, params=True)
    for at in range(0, len(content), 3):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        optimizer = bfloat16_adam(state_dtype=BFLOAT16)
        try:
            optimizer.load(path, params=True)
        except instep.CheckpointError:
            assert fingerprint(optimizer) == fresh
        else:
            assert fingerprint(optimizer) == fingerprint(whole)


@pytest.mark.parametrize("suffix", FORMATS)
def test_only_bfloat16_needs_its_package(
    suffix: str, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge(path := tmp_path / f"run{suffix}", saved, lambda *_: None)
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    optimizer = bfloat16_adam(FLOAT16, state_dtype=FLOAT16)
    step_with(optimizer, 0)
    optimizer.save(tmp_path / f"half{suffix}", params=True)
    resumed = bfloat16_adam(np.float32)
    resumed.load(tmp_path / f"half{suffix}", params=True)
    with pytest.raises(ImportError, match=r"instep\[bfloat16\]"):
        resumed.load(path)


def test_the_limits_leave_room_for_wider_states(tmp_path: Path) -> None:
    """States of float32 take more than the parameter; the file of them is no damaged one."""
    params = [np.zeros(300_000, BFLOAT16)]
    optimizer = make("Adam", params, amsgrad=True, master_weight_bits=32)
    optimizer.save(tmp_path / "run.npz", params=True)
    optimizer.load(tmp_path / "run.npz", params=True)
