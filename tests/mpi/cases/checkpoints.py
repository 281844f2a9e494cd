"""Checkpoints are those of one process, for any number of processes, and in any form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

import instep
from tests.mpi.meeting import (
    LAYOUTS,
    Array,
    assert_same_bits,
    common_folder,
    draw,
    mean_of,
    sharded,
)

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)

_KINDS: Mapping[str, tuple[type[instep.Optimizer], Any, Mapping[str, Any]]] = {
    "float32": (instep.Adam, np.float32, {"lr": 0.1, "amsgrad": True}),
    "float64": (instep.AdamW, np.float64, {}),
    "no states": (instep.SGD, np.float32, {}),
    "scalars": (instep.NAdam, np.float32, {}),
    "two points": (instep.ScheduleFreeAdamW, np.float32, {}),
    "16 bits": (
        instep.Adam,
        _BFLOAT16,
        {"state_dtype": "bfloat16", "master_weight_bits": 32, "seed": 3},
    ),
    "a callable": (instep.Adam, np.float32, {"lr": lambda steps: 1.0 / (2 + steps)}),
}


class _Trained:
    """An optimizer of all processes and one of this process, which take the same steps."""

    def __init__(self, comm: Any, kind: str, seed: int = 0) -> None:
        cls, self._dtype, options = _KINDS[kind]
        begin = draw(np.random.default_rng(seed), self._dtype)
        self.params = [LAYOUTS[comm.rank % len(LAYOUTS)](param) for param in begin]
        self.alone = [param.copy() for param in begin]
        self.all = sharded(cls, self.params, comm, bucket_bytes=30_000, **options)
        self.one = cls(self.alone, **options)
        self._comm = comm

    def step(self, *numbers: int) -> None:
        for number in numbers:
            grads = [
                draw(np.random.default_rng([number, rank]), self._dtype)
                for rank in range(self._comm.size)
            ]
            working = np.float64 if self._dtype == np.float64 else np.float32
            given: list[Any] = list(grads[self._comm.rank])
            mean: list[Any] = mean_of(grads, working)
            if number == 1:
                given[2] = mean[2] = None
            self.all.step(given)
            self.one.step(mean)

    def assert_both_alike(self) -> None:
        assert_same_bits(self.params, self.alone)
        assert self.all.steps == self.one.steps


def _save_file(trained: _Trained, folder: Path) -> Path:
    trained.all.save(folder / "run.npz", params=True)
    return folder / "run.npz"


def _save_parts(trained: _Trained, folder: Path) -> Path:
    trained.all.save(folder / "run", params=True)
    return folder / "run"


def _save_one(suffix: str) -> Callable[[_Trained, Path], Path]:
    def save(trained: _Trained, folder: Path) -> Path:
        trained.one.save(folder / f"{trained.all._channel.rank}.{suffix}", params=True)
        trained._comm.Barrier()
        return folder / f"0.{suffix}"

    return save


_WAYS = (_save_file, _save_parts, _save_one("npz"), _save_one("safetensors"))


def the_file_is_that_of_one_process(comm: Any) -> None:
    """In every byte; so any number of processes loads it, and one."""
    for kind in _KINDS:
        trained = _Trained(comm, kind)
        trained.step(0, 1, 2)
        for params in (False, True):
            with common_folder(comm) as folder:
                trained.all.save(folder / "all.npz", params=params)
                trained.one.save(folder / f"{comm.rank}.npz", params=params)
                found = (folder / "all.npz").read_bytes()
                assert found == (folder / f"{comm.rank}.npz").read_bytes(), kind


def what_was_saved_goes_on(comm: Any) -> None:
    for kind in _KINDS:
        for save in _WAYS if kind in ("float32", "16 bits") else _WAYS[:2]:
            with common_folder(comm) as folder:
                first, second = _Trained(comm, kind), _Trained(comm, kind, seed=5)
                first.step(0, 1, 2)
                second.step(7)
                path = save(first, folder)
                second.all.load(path, params=True)
                second.one, second.alone = first.one, first.alone
                second.step(3, 1)
                second.assert_both_alike()


def on_another_number_of_processes(comm: Any) -> None:
    """By all, by all but one, and by that one alone: what each loads, it saves as it was."""
    some = comm.Split(int(comm.rank == comm.size - 1))
    ways = ((".npz", comm, some), ("", comm, some), ("", some, comm), (".npz", some, comm))
    for kind in ("float32", "16 bits"):
        for suffix, saving, loading in ways:
            with common_folder(comm) as folder:
                one = _Trained(comm, kind)
                one.step(0, 1)
                before = folder / f"{comm.rank}.npz"
                one.one.save(before, params=True)
                comm.Barrier()
                first = _Trained(saving, kind, seed=5)
                first.all.load(before.with_stem(str(saving.bcast(comm.rank))), params=True)
                first.all.save(folder / f"run{saving.bcast(comm.rank)}{suffix}", params=True)
                comm.Barrier()
                second = _Trained(loading, kind, seed=6)
                second.all.load(folder / f"run0{suffix}", params=True)
                after = folder / f"after{loading.bcast(comm.rank)}.npz"
                second.all.save(after, params=True)
                loading.Barrier()
                assert after.read_bytes() == before.read_bytes(), (kind, suffix)


def without_parameters_they_stay(comm: Any) -> None:
    for save in _WAYS:
        with common_folder(comm) as folder:
            first, second = _Trained(comm, "float32"), _Trained(comm, "float32", seed=5)
            first.step(0)
            path = save(first, folder)
            before = [param.copy() for param in second.params]
            second.all.load(path)
            assert_same_bits(second.params, before)
            second.all.save(folder / "again.npz")
            second.one.load(folder / "again.npz")
            second.step(1, 2)
            second.assert_both_alike()


def narrower_states_are_widened(comm: Any) -> None:
    for save in _WAYS[:2]:
        with common_folder(comm) as folder:
            trained = _Trained(comm, "float32")
            options: dict[str, Any] = {"state_dtype": "bfloat16", "seed": 1}
            narrow = sharded(instep.Adam, trained.params, comm, **options)
            narrow.step([np.ones_like(param) for param in trained.params])
            trained.all = narrow
            path = save(trained, folder)
            narrow.save(folder / "whole.npz", params=True)
            arrays = [np.zeros(param.shape, np.float32) for param in trained.params]
            alone = [array.copy() for array in arrays]
            wide, one = sharded(instep.Adam, arrays, comm), instep.Adam(alone)
            wide.load(path, params=True)
            one.load(folder / "whole.npz", params=True)
            for optimizer in (wide, one):
                optimizer.step([np.ones(array.shape, np.float32) for array in arrays])
            assert_same_bits(arrays, alone)


def names_and_groups(comm: Any) -> None:
    """What has names is loaded by them, in whatever order, also from what other processes have."""

    def made(names: str, lr: float) -> tuple[dict[str, Array], Any]:
        arrays = {name: np.full(20_000, float(ord(name))) for name in names}
        groups = [
            {"params": {name: arrays[name] for name in names[:2]}, "lr": lr},
            {"params": {name: arrays[name] for name in names[2:]}, "betas": (0.5, lr)},
        ]
        return arrays, sharded(instep.Adam, groups, comm, nonfinite="skip")

    for form in ("run.npz", "run"):
        with common_folder(comm) as folder:
            arrays, optimizer = made("abc", 0.25)
            optimizer.step({name: ord(name) * np.ones(20_000) for name in "abc"})
            optimizer.step({"a": np.full(20_000, np.nan), "b": None, "c": None})
            optimizer.save(folder / form, params=True)
            others, resumed = made("bac", 0.5)
            for each in others.values():
                each[...] = 0.0
            resumed.load(folder / form, params=True)
            assert (resumed.steps, resumed.skipped_steps) == (1, 1)
            assert resumed.param_groups[1]["betas"] == (0.5, 0.25)
            for each in (optimizer, resumed):
                each.step({name: ord(name) * np.ones(20_000) for name in "abc"})
            assert_same_bits([others[name] for name in "abc"], [arrays[name] for name in "abc"])
