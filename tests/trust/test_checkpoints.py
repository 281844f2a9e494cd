"""What a checkpoint keeps, where and how it is written, and what it costs others."""

from __future__ import annotations

import copy
import os
import stat
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from instep.checkpoint import content
from tests.api.model import (
    Options,
    assert_same,
    copied,
    each_class,
    each_variant,
    make,
    params_of,
)
from tests.processes import run_python
from tests.trust.made import (
    FORMATS,
    assert_goes_on_like,
    everything,
    odd_parameters,
    other_adam,
    saved_adam,
    step_with,
)

HERE = Path(__file__).parent

with_and_without_params = pytest.mark.parametrize("with_params", [False, True])

needs_links = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and links")


@pytest.fixture(params=FORMATS)
def suffix(request: pytest.FixtureRequest) -> str:
    """Return each format's suffix."""
    return str(request.param)


@with_and_without_params
@each_variant
def test_resumes_bit_for_bit(
    name: str, options: Options, with_params: bool, suffix: str, tmp_path: Path
) -> None:
    optimizer = make(name, odd_parameters(), **options)
    for seed in range(3):
        step_with(optimizer, seed)
    optimizer.save(tmp_path / f"run{suffix}", params=with_params)

    resumed = make(
        name,
        [np.zeros_like(param) for param in params_of(optimizer)]
        if with_params
        else copied(params_of(optimizer)),
        **options,
    )
    step_with(resumed, 17)
    if not with_params:
        for param, value in zip(params_of(resumed), params_of(optimizer), strict=True):
            param[...] = value
    resumed.load(tmp_path / f"run{suffix}", params=with_params)
    assert_same(everything(resumed)[:4], everything(optimizer)[:4])
    assert_goes_on_like(resumed, optimizer)


@each_class
def test_before_the_first_step(name: str, suffix: str, tmp_path: Path) -> None:
    optimizer = make(name, odd_parameters())
    optimizer.save(tmp_path / f"run{suffix}")
    resumed = make(name, odd_parameters())
    step_with(resumed, 1)
    for param, value in zip(params_of(resumed), odd_parameters(), strict=True):
        param[...] = value
    resumed.load(tmp_path / f"run{suffix}")
    assert_goes_on_like(resumed, optimizer)


def test_groups_names_counts_and_hyperparameters(suffix: str, tmp_path: Path) -> None:
    def made() -> Any:
        groups = [
            {"params": {"w": np.ones((2, 3)), "ü/..\n\ud800": np.ones(2, np.float32)}, "lr": 0.5},
            {"params": {"": np.ones(4)}, "betas": (0.5, 0.75), "eps": np.inf},
        ]
        return make("Adam", groups, nonfinite="skip")

    optimizer = made()
    step_with(optimizer, 0)
    optimizer.step([None, np.ones(2, np.float32), None])
    optimizer.step([None, np.full(2, np.nan, np.float32), None])
    optimizer.param_groups[1].update(lr=1 / 3, weight_decay=5e-324)
    optimizer.save(tmp_path / f"run{suffix}", params=True)
    resumed = made()
    resumed.load(tmp_path / f"run{suffix}", params=True)
    assert_same(everything(resumed)[:4], everything(optimizer)[:4])
    assert resumed.skipped_steps == 1
    assert_goes_on_like(resumed, optimizer)


@with_and_without_params
def test_what_has_names_is_loaded_by_name(with_params: bool, suffix: str, tmp_path: Path) -> None:
    def made(names: str) -> tuple[dict[str, Any], Any]:
        arrays = {"w": np.ones((2, 3)), "b": np.ones(2, np.float32), "s": np.ones(())}
        first, *others = ({name: arrays[name] for name in group} for group in names.split())
        optimizer = make("Adam", first)
        for group in others:
            optimizer.add_param_group({"params": group})
        return arrays, optimizer

    saved, optimizer = made("wb s")
    grads = {"w": np.arange(6.0).reshape(2, 3), "b": np.ones(2, np.float32), "s": np.array(2.0)}
    optimizer.step(grads | {"b": None})
    optimizer.step(grads)
    optimizer.save(tmp_path / f"run{suffix}", params=with_params)
    loaded, resumed = made("bw s")
    resumed.load(tmp_path / f"run{suffix}", params=with_params)
    states, found = (each.state_dict()["state"] for each in (optimizer, resumed))
    assert_same([found[k] for k in (1, 0, 2)], list(states.values()))
    if not with_params:
        for name, array in saved.items():
            loaded[name][...] = array
    for each in (optimizer, resumed):
        each.step(grads)
    assert_same(loaded, saved)
    with pytest.raises(instep.CheckpointError, match=r"param_groups\[0\]"):
        made("ws b")[1].load(tmp_path / f"run{suffix}")


def test_many_parameters(suffix: str, tmp_path: Path) -> None:
    optimizer = make("Adam", [np.full(k % 5, float(k)) for k in range(700)])
    step_with(optimizer, 0)
    optimizer.save(tmp_path / f"run{suffix}", params=True)
    resumed = make("Adam", [np.zeros(k % 5) for k in range(700)])
    resumed.load(tmp_path / f"run{suffix}", params=True)
    assert_goes_on_like(resumed, optimizer)


def test_special_values(suffix: str, tmp_path: Path) -> None:
    bits = np.array([0x7FF8DEADBEEF0001, 0xFFF0000000000000, 1 << 63, 1], np.uint64)
    optimizer = make("SGD", [bits.view(np.float64).copy()], momentum=0.5)
    optimizer.save(tmp_path / f"run{suffix}", params=True)
    resumed = make("SGD", [np.zeros(4)], momentum=0.5)
    resumed.load(tmp_path / f"run{suffix}", params=True)
    assert params_of(resumed)[0].view(np.uint64).tolist() == bits.tolist()


def schedule(step: int) -> float:
    return 1.0 / (2.0 + step)


def test_a_schedule_stays_and_goes_on_at_the_loaded_count(suffix: str, tmp_path: Path) -> None:
    optimizer = make("Adam", odd_parameters(), lr=schedule)
    for seed in range(3):
        step_with(optimizer, seed)
    optimizer.save(tmp_path / f"run{suffix}", params=True)

    resumed = make("Adam", odd_parameters(), lr=schedule)
    resumed.load(tmp_path / f"run{suffix}", params=True)
    assert resumed.lr is schedule
    assert_goes_on_like(resumed, optimizer)

    constant = make("Adam", odd_parameters(), lr=7.0)
    constant.load(tmp_path / f"run{suffix}", params=True)
    assert constant.lr == schedule(2)


def test_gradient_options_are_the_constructors(suffix: str, tmp_path: Path) -> None:
    saved_adam(tmp_path / f"run{suffix}")
    params = {"w": np.ones((2, 3), np.float32), "b": np.zeros(2)}
    resumed = make("Adam", params, clip_norm=0.5)
    resumed.load(tmp_path / f"run{suffix}")
    assert (resumed.clip_norm, resumed.nonfinite) == (0.5, "propagate")
    assert resumed.skipped_steps == 1


def test_subclasses_share_files_with_their_class(suffix: str, tmp_path: Path) -> None:
    class Mine(instep.Adam):
        pass

    optimizer = saved_adam(tmp_path / f"run{suffix}")
    params: dict[str, Any] = {"w": np.ones((2, 3), np.float32), "b": np.zeros(2)}
    mine = Mine(params, nonfinite="skip")
    mine.load(tmp_path / f"run{suffix}", params=True)
    assert_goes_on_like(mine, optimizer)
    mine.save(tmp_path / f"mine{suffix}")
    other_adam().load(tmp_path / f"mine{suffix}")


def test_a_file_with_parameters_loads_without_them(suffix: str, tmp_path: Path) -> None:
    optimizer, other = saved_adam(tmp_path / f"run{suffix}"), other_adam()
    before = copied(params_of(other))
    other.load(tmp_path / f"run{suffix}")
    assert_same(params_of(other), before)
    assert_same(other.state_dict(), optimizer.state_dict())


def test_a_file_without_parameters_cannot_give_them(suffix: str, tmp_path: Path) -> None:
    other_adam().save(tmp_path / f"run{suffix}")
    optimizer = other_adam()
    before = everything(optimizer)
    with pytest.raises(instep.CheckpointError, match=r"run.*params=True"):
        optimizer.load(tmp_path / f"run{suffix}", params=True)
    assert_same(everything(optimizer), before)


def test_others_read_the_arrays(tmp_path: Path) -> None:
    optimizer = saved_adam(tmp_path / "run.npz")
    (w, b), states = params_of(optimizer), optimizer.state_dict()["state"]
    with np.load(tmp_path / "run.npz", allow_pickle=False) as archive:
        assert_same(archive["param.0"], w)
        assert_same(archive["state.1.exp_avg_sq"], states[1]["exp_avg_sq"])
    safetensors = pytest.importorskip("safetensors.numpy")
    optimizer.save(tmp_path / "run.safetensors", params=True)
    tensors = safetensors.load_file(tmp_path / "run.safetensors")
    assert_same(tensors["param.1"], b)
    assert_same(tensors["state.0.exp_avg"], states[0]["exp_avg"])


def test_the_same_state_gives_the_same_file(suffix: str, tmp_path: Path) -> None:
    optimizer = saved_adam(tmp_path / f"first{suffix}")
    optimizer.save(tmp_path / f"second{suffix}", params=True)
    first, second = (tmp_path / f"{name}{suffix}" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", FORMATS)
def test_version_1_loads(suffix: str) -> None:
    """These files were written by the first version, and load for ever."""
    optimizer = make("Adam", {"w": np.zeros((2, 2), np.float32), "b": np.zeros(())})
    optimizer.load(HERE / f"version_1{suffix}", params=True)
    bits = {
        name: np.atleast_1d(array).view(f"u{array.itemsize}").ravel().tolist()
        for name, array in [
            *((f"{k}.{key}", state[key])
              for k, state in optimizer.state_dict()["state"].items()
              for key in ("exp_avg", "exp_avg_sq")),
            ("w", params_of(optimizer)[0]),
            ("b", params_of(optimizer)[1]),
        ]
    }  # fmt: skip
    assert bits == VERSION_1
    dictionary = optimizer.state_dict()
    assert dictionary["steps"] == 3
    assert [dictionary["state"][k]["step"] for k in (0, 1)] == [3, 2]
    assert optimizer.skipped_steps == 1
    assert (optimizer.lr, optimizer.betas, optimizer.eps) == (0.25, (0.5, 0.75), 1e-7)
    assert optimizer.weight_decay == 0.1


VERSION_1: dict[str, list[int]] = {
    "0.exp_avg": [0x3EE34BC8, 0xBD4CCCCD, 0x3E467474, 0xBDE174BE],
    "0.exp_avg_sq": [0x3E1BC8B9, 0x3B23D70B, 0x3DE7EA1F, 0x3D41977B],
    "1.exp_avg": [0xBFCC962FCAFE7B03],
    "1.exp_avg_sq": [0x3FE1F09830448C9E],
    "w": [0x3E8352DE, 0xBFE43171, 0x40180FB2, 0x3F355236],
    "b": [0x3FE3B45659CB9BD7],
}
"""The bits of each array."""


@pytest.mark.parametrize("name", ["run", "run.npy", "run.pt", "run.npz.gz", "npz", ".npz"])
def test_other_suffixes(name: str, tmp_path: Path) -> None:
    optimizer = other_adam()
    for call in (optimizer.save, optimizer.load):
        with pytest.raises(ValueError, match=r"\.npz or \.safetensors"):
            call(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    optimizer: Any = other_adam()
    for path in ("run.npz", Path("run.NPZ"), f"{'ä' * 120}.npz"):
        optimizer.save(path)
        optimizer.load(path)
    for wrong in (b"run.npz", 3, None):
        with pytest.raises(TypeError):
            optimizer.save(wrong)


def test_what_the_system_refuses_is_an_os_error(tmp_path: Path) -> None:
    optimizer = other_adam()
    before = everything(optimizer)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(FileNotFoundError):
        optimizer.load(tmp_path / "nothing.npz")
    with pytest.raises(FileNotFoundError) as missing:
        optimizer.save(tmp_path / "no folder" / "run.npz")
    assert missing.value.filename == str((tmp_path / "no folder").resolve())
    assert missing.value.strerror == "expected a folder to save into, make it first"
    with pytest.raises(OSError, match=r"folder\.npz"):
        optimizer.save(tmp_path / "folder.npz")
    with pytest.raises(OSError, match=r"folder\.npz"):
        optimizer.load(tmp_path / "folder.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npz"]
    assert_same(everything(optimizer), before)


@needs_links
def test_permissions(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    optimizer, path = other_adam(), tmp_path / "run.npz"
    before = os.umask(0o027)
    try:
        optimizer.save(path)
        assert mode(path) == 0o640
        path.chmod(0o604)
        optimizer.save(path)
        assert mode(path) == 0o604
    finally:
        os.umask(before)


@needs_links
def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    link, target = tmp_path / "latest.npz", tmp_path / "data" / "run.npz"
    link.symlink_to(Path("data", "run.npz"))
    for _ in range(2):
        optimizer = saved_adam(link)
        assert link.is_symlink()
        assert not target.is_symlink()
        other = other_adam()
        other.load(target, params=True)
        assert_goes_on_like(other, optimizer)
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"run.npz"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.npz")
    with pytest.raises(OSError, match="regular file"):
        other_adam().save(tmp_path / "run.npz")
    assert stat.S_ISFIFO((tmp_path / "run.npz").stat().st_mode)
    assert len(list(tmp_path.iterdir())) == 1


def test_import_does_not_load_what_only_checkpoints_need() -> None:
    modules = ["json", "zipfile", "instep.checkpoint.files", "safetensors"]
    program = (
        "import sys, numpy; before = set(sys.modules); import instep; "
        f"print(set({modules!r}) & (set(sys.modules) - before))"
    )
    result = run_python("-c", program)
    assert result.stdout.strip() == "set()", result.stderr


def test_a_snapshot_is_of_one_moment(suffix: str, tmp_path: Path, finest_grain: None) -> None:
    """Each step adds 1 to all elements of all arrays, so that a moment has one value."""
    arrays = [np.zeros(200_000) for _ in range(3)]
    optimizer = make("SGD", arrays, lr=1.0, momentum=1.0, dampening=1.0)
    optimizer.step([np.full(200_000, -1.0)] * 3)
    ends = threading.Event()

    def step() -> None:
        # From the second step on, the buffer stays at -1.
        grads = [np.zeros(200_000)] * 3
        while not ends.is_set():
            optimizer.step(grads)

    thread = threading.Thread(target=step)
    thread.start()
    try:
        for _ in range(5):
            optimizer.save(tmp_path / f"run{suffix}", params=True)
            read = make("SGD", [np.zeros(200_000) for _ in range(3)], momentum=1.0, dampening=1.0)
            read.load(tmp_path / f"run{suffix}", params=True)
            steps = read.state_dict()["steps"]
            for param in params_of(read):
                assert param.min() == param.max() == steps
    finally:
        ends.set()
        thread.join()


def test_a_copy_saves_what_the_original_saves(tmp_path: Path) -> None:
    optimizer = saved_adam(tmp_path / "run.npz")
    copy.deepcopy(optimizer).save(tmp_path / "copy.npz", params=True)
    assert (tmp_path / "run.npz").read_bytes() == (tmp_path / "copy.npz").read_bytes()


def test_a_parameter_that_was_reshaped_is_not_written(tmp_path: Path) -> None:
    optimizer = other_adam()
    optimizer.save(tmp_path / "run.npz", params=True)
    w = params_of(optimizer)[0]
    w.shape = (3, 2)
    before = [copied(params_of(optimizer)), optimizer.state_dict()]
    with pytest.raises(instep.CheckpointError, match=r"run\.npz"):
        optimizer.load(tmp_path / "run.npz", params=True)
    assert_same([params_of(optimizer), optimizer.state_dict()], before)


@pytest.mark.parametrize("name", ["exp_avg", "exp_avg1", "z", "second_2_moment"])
def test_the_name_of_a_state_is_read_from_that_of_its_array(name: str) -> None:
    assert content._names([f"state.12.{name}"], 13) == {f"state.12.{name}": (12, name)}


@pytest.mark.parametrize("name", ["step", "2nd", "Exp", "exp-avg", ""])
def test_what_is_no_name_of_a_state_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"got 'state.0.{name}'"):
        content._names([f"state.0.{name}"], 1)
