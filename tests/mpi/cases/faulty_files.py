"""What cannot be saved or loaded is refused on all processes, and nothing has changed on any."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import instep
from tests.mpi.meeting import (
    Array,
    assert_same_bits,
    common_folder,
    raised_alike,
    refused_alike,
    sharded,
)

_SIZE = 50_000
_FORMS = ("run.npz", "run")


def _made(comm: Any, cls: type[instep.Optimizer] = instep.Adam) -> tuple[Array, Any]:
    w = np.arange(float(_SIZE))
    optimizer = sharded(cls, {"w": w}, comm, lr=0.5, bucket_bytes=50_000)
    optimizer.step({"w": np.ones(_SIZE)})
    return w, optimizer


def _by_one(comm: Any, act: Callable[[], object]) -> None:
    """Let process 0 do something with files, while the others leave them alone."""
    comm.Barrier()
    if comm.rank == 0:
        act()
    comm.Barrier()


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def _nothing_changes(comm: Any, optimizer: Any, folder: Path) -> Iterator[None]:
    """Assert that files, parameters and states stay, and that the optimizer goes on."""
    [param] = optimizer._sharing.params
    before, states, files = param.copy(), optimizer.state_dict(), _content(folder)
    comm.Barrier()
    yield
    comm.Barrier()
    assert _content(folder) == files
    assert_same_bits([param], [before])
    assert repr(optimizer.state_dict()) == repr(states)
    optimizer.step({"w": np.zeros(_SIZE)})
    optimizer.load_state_dict(states)
    comm.Barrier()  # before what follows changes the files
    param[...] = before


@contextmanager
def _disk_full(here: bool) -> Iterator[None]:
    """Let this process write no more than some bytes to a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000 if here else soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def a_disk_is_full(comm: Any) -> None:
    for form, full in (("run.npz", 0), ("run", 0), ("run", comm.size - 1)):
        for had_one in (False, True):
            with common_folder(comm) as folder:
                _, optimizer = _made(comm)
                if form == "run":
                    optimizer.save(folder / "run")
                if had_one:
                    optimizer.save(folder / form, params=True)
                optimizer.step({"w": np.ones(_SIZE)})
                with _nothing_changes(comm, optimizer, folder):
                    words = (os.strerror(errno.EFBIG), f"on process {full}")
                    with _disk_full(comm.rank == full), raised_alike(comm, OSError, *words):
                        optimizer.save(folder / form, params=True)
                optimizer.save(folder / form, params=True)
                _made(comm)[1].load(folder / form, params=True)


def an_index_that_cannot_be_replaced(comm: Any) -> None:
    with common_folder(comm) as folder:
        _, optimizer = _made(comm)
        _by_one(comm, lambda: (folder / "run" / "index.json").mkdir(parents=True))
        with (
            _nothing_changes(comm, optimizer, folder),
            raised_alike(comm, OSError, "regular file", "index.json", "on process 0"),
        ):
            optimizer.save(folder / "run")


def a_folder_that_cannot_be_flushed_has_the_new_checkpoint(comm: Any) -> None:
    from instep.mpi.checkpoint.folder import Folder

    with common_folder(comm) as folder:
        w, optimizer = _made(comm)
        optimizer.save(folder / "run", params=True)
        optimizer.step({"w": np.ones(_SIZE)})

        def fail(self: Folder) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO), self._name)

        flush, Folder.flush = Folder.flush, fail  # type: ignore[method-assign]
        try:
            with raised_alike(comm, OSError, os.strerror(errno.EIO), "on process 0"):
                optimizer.save(folder / "run", params=True)
        finally:
            Folder.flush = flush  # type: ignore[method-assign]
        expected = w.copy()
        w[...] = 0.0
        optimizer.load(folder / "run", params=True)
        assert_same_bits([w], [expected])


def a_folder_has_the_files_of_one_save(comm: Any) -> None:
    with common_folder(comm) as folder:
        _, optimizer = _made(comm)
        other = folder / "run" / "others.safetensors"
        for _ in range(3):
            optimizer.save(folder / "run")
            names = {path.name for path in (folder / "run").iterdir()} - {other.name}
            assert len(names) == comm.size + 1
            # As a process that was killed leaves them.
            for name in ("0123456789ab-7.safetensors", ".index.json.0123456789ab.tmp", other.name):
                _by_one(comm, (folder / "run" / name).touch)
        assert other.exists()


def places_that_are_not_there(comm: Any) -> None:
    with common_folder(comm) as folder:
        _, optimizer = _made(comm)
        with _nothing_changes(comm, optimizer, folder):
            for form in _FORMS:
                with raised_alike(comm, FileNotFoundError, "folder to save into", "on process 0"):
                    optimizer.save(folder / "missing" / form)
                with raised_alike(comm, FileNotFoundError, form, "on process 0"):
                    optimizer.load(folder / form)


def names_that_say_nothing(comm: Any) -> None:
    with common_folder(comm) as folder:
        _, optimizer = _made(comm)
        last = comm.rank == comm.size - 1
        with _nothing_changes(comm, optimizer, folder):
            for call in (optimizer.save, optimizer.load):
                with refused_alike(comm, "path: expected a name that ends in .npz, or a folder"):
                    call(folder / "run.pt")
                with refused_alike(comm, "TypeError: path: expected a str"):
                    call(b"run.npz" if last else "run.npz")
                with refused_alike(comm, "TypeError: params: expected True or False, got 1"):
                    call(folder / "run.npz", params=1)
                if comm.size > 1:
                    with refused_alike(comm, "path: ", f"other.npz' on process {comm.size - 1}"):
                        call(folder / ("other.npz" if last else "run.npz"))
            with refused_alike(comm, "a file .safetensors of each process", "pass"):
                optimizer.save(folder / "run.safetensors")
            if comm.size > 1:
                if last:
                    optimizer.lr = 0.25
                with refused_alike(comm, "param_groups[0]['lr']: 0.5 on process"):
                    optimizer.save(folder / "run.npz")
                optimizer.lr = 0.5


def checkpoints_of_others(comm: Any) -> None:
    for form in _FORMS:
        with common_folder(comm) as folder:
            _, optimizer = _made(comm)
            _made(comm, instep.SGD)[1].save(folder / form)
            file = "index.json" if form == "run" else form
            with (
                _nothing_changes(comm, optimizer, folder),
                raised_alike(comm, instep.CheckpointError, file, "got SGD (sgd)"),
            ):
                optimizer.load(folder / form)
            optimizer.save(folder / form)
            comm.Barrier()
            with (
                _nothing_changes(comm, optimizer, folder),
                raised_alike(comm, instep.CheckpointError, "params=True"),
            ):
                optimizer.load(folder / form, params=True)
            shorter = sharded(instep.Adam, {"w": np.zeros(_SIZE - 1)}, comm)
            with raised_alike(comm, instep.CheckpointError, file, "dtype and shape"):
                shorter.load(folder / form)


def damaged_files(comm: Any) -> None:
    """By a bit or by their end, in whichever process's share, or in what says what is where."""
    for form in _FORMS:
        with common_folder(comm) as folder:
            _, optimizer = _made(comm)
            optimizer.save(folder / form, params=True)
            optimizer.step({"w": np.ones(_SIZE)})
            comm.Barrier()
            paths = [folder / form] if form == "run.npz" else sorted((folder / "run").iterdir())
            for path in paths:
                whole = path.read_bytes()
                ends = range(len(whole) // 7, len(whole), len(whole) // 3)
                flipped = (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in ends)
                for content in (whole[:-7], *flipped):
                    _by_one(comm, partial(path.write_bytes, content))
                    with (
                        _nothing_changes(comm, optimizer, folder),
                        raised_alike(comm, instep.CheckpointError, path.name),
                    ):
                        optimizer.load(folder / form, params=True)
                _by_one(comm, partial(path.write_bytes, whole))
            optimizer.load(folder / form, params=True)
            assert optimizer.steps == 1


def a_part_that_is_missing_or_of_another_save(comm: Any) -> None:
    with common_folder(comm) as folder:
        _, optimizer = _made(comm)
        optimizer.save(folder / "run", params=True)
        optimizer.save(folder / "other", params=True)
        comm.Barrier()
        last = f"-{comm.size - 1}.safetensors"
        [part] = (path for path in (folder / "run").iterdir() if path.name.endswith(last))
        [other] = (path for path in (folder / "other").iterdir() if path.name.endswith(last))
        comm.Barrier()
        _by_one(comm, lambda: part.write_bytes(other.read_bytes()))
        with (
            _nothing_changes(comm, optimizer, folder),
            raised_alike(comm, instep.CheckpointError, part.name, "expected a file of the save"),
        ):
            optimizer.load(folder / "run", params=True)
        _by_one(comm, part.unlink)
        with (
            _nothing_changes(comm, optimizer, folder),
            raised_alike(comm, instep.CheckpointError, part.name, "there is no such file"),
        ):
            optimizer.load(folder / "run", params=True)
