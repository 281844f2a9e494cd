"""Every call by which a checkpoint is written fails, or ends the process: the file stays whole.

After https://www.sqlite.org/testing.html: the first call fails, then the second, and so on until
one run has met no fault.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.processes import run_scenario
from tests.trust import shim
from tests.trust.made import (
    FORMATS,
    fingerprint,
    other_adam,
    other_narrow,
    saved_adam,
    saved_narrow,
    step_with,
)

STORED = {"wide": (saved_adam, other_adam), "narrow": (saved_narrow, other_narrow)}
"""What saves an optimizer, and what makes one that its file fits: of 32 and of 16 bits."""

LEFT_BEHIND = re.compile(r"\.run\.(npz|safetensors)\.[0-9a-f]{12}\.tmp")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.build(tmp_path_factory.mktemp("faults"))


def run(scenario: Callable[..., None], library: Path, suffix: str, stored: str) -> None:
    indices = FORMATS.index(suffix), list(STORED).index(stored)
    run_scenario(scenario, *indices, environment={"LD_PRELOAD": str(library)})


each_format = pytest.mark.parametrize("suffix", FORMATS)


@contextmanager
def folder() -> Iterator[Path]:
    name = tempfile.mkdtemp()
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name)


class Saving:
    """An optimizer that is saved again and again over the same file, or over none."""

    def __init__(self, path: Path, replaces: bool, stored: int = 0) -> None:
        self.path = path
        saved, self.other = list(STORED.values())[stored]
        self.optimizer: Any = saved(path)
        self.old = path.read_bytes() if replaces else None
        step_with(self.optimizer, 5)
        self.save()
        self.new = path.read_bytes()
        self.before = fingerprint(self.optimizer)

    def save(self) -> None:
        self.optimizer.save(self.path, params=True)

    def begin(self) -> None:
        for each in self.path.parent.iterdir():
            each.unlink()
        if self.old is not None:
            self.path.write_bytes(self.old)

    def content(self) -> bytes | None:
        return self.path.read_bytes() if self.path.exists() else None

    def assert_whole(self) -> None:
        assert self.content() in (self.old, self.new)
        if self.path.exists():
            self.other().load(self.path, params=True)

    def assert_as_before(self) -> None:
        assert fingerprint(self.optimizer) == self.before


def until_no_fault(walk: Callable[[int], bool], least: int) -> int:
    """Call with 1, 2, 3, … until there is no such call any more; there are at least so many."""
    n = 1
    while walk(n):
        n += 1
        assert n < 1000
    assert n > least
    return n - 1


ERRORS = [(errno.EIO, False), (errno.ENOSPC, False), (errno.ENOSPC, True), (errno.EDQUOT, False)]
"""What a call fails with, and whether all later ones fail as well."""


def each_call_fails(format_index: int, stored: int) -> None:
    suffix, calls = FORMATS[format_index], shim.Calls()

    def fails(saving: Saving, code: int, lasting: bool, n: int) -> bool:
        saving.begin()
        fired, error = calls.run(saving.save, n, shim.FAIL, code, lasting=lasting)
        if fired:
            assert isinstance(error, OSError), f"call {n}: {error!r}"
            assert error.errno == code
        else:
            assert error is None
            assert saving.content() == saving.new
        saving.assert_whole()
        assert {each.name for each in saving.path.parent.iterdir()} <= {saving.path.name}
        saving.assert_as_before()
        return fired

    for replaces in (False, True):
        with folder() as place:
            saving = Saving(place / f"run{suffix}", replaces, stored)
            for error in ERRORS:
                print(suffix, replaces, error, until_no_fault(partial(fails, saving, *error), 6))
            saving.save()
            assert saving.content() == saving.new


def each_write_is_short(format_index: int, stored: int) -> None:
    suffix, calls = FORMATS[format_index], shim.Calls()
    with folder() as place:
        saving = Saving(place / f"run{suffix}", True, stored)
        for lasting in (False, True):

            def is_short(n: int, lasting: bool = lasting) -> bool:
                saving.begin()
                fired, error = calls.run(saving.save, n, shim.SHORT, lasting=lasting)
                assert error is None
                assert saving.content() == saving.new
                return fired

            print(suffix, lasting, until_no_fault(is_short, 6))


def each_call_ends_the_process(format_index: int, stored: int) -> None:
    suffix, calls = FORMATS[format_index], shim.Calls()
    for replaces in (False, True):
        with folder() as place:
            saving = Saving(place / f"run{suffix}", replaces, stored)
            renamed: list[bool] = []

            def ends(n: int, saving: Saving = saving, renamed: list[bool] = renamed) -> bool:
                saving.begin()
                ended = calls.ends_process(saving.save, n)
                saving.assert_whole()
                left = {each.name for each in saving.path.parent.iterdir()} - {saving.path.name}
                assert all(LEFT_BEHIND.fullmatch(name) for name in left)
                renamed.append(saving.content() == saving.new)
                assert not (left and renamed[-1])
                return ended

            print(suffix, replaces, until_no_fault(ends, 6))
            # Old up to the rename, new from there on.
            assert renamed == sorted(renamed)
            assert renamed[-1]


def each_read_fails(format_index: int, stored: int) -> None:
    suffix, calls = FORMATS[format_index], shim.Calls()
    with folder() as place:
        path = place / f"run{suffix}"
        saved, other = list(STORED.values())[stored]
        saved(path)
        other().load(path, params=True)  # imports: they have ways around what fails
        optimizer = other()
        before = fingerprint(optimizer)

        def fails(n: int) -> bool:
            fired, error = calls.run(
                lambda: optimizer.load(path, params=True), n, shim.FAIL, errno.EIO, reads=True
            )
            if fired:
                assert isinstance(error, OSError), f"read {n}: {error!r}"
                assert error.errno == errno.EIO
                assert fingerprint(optimizer) == before
            return fired

        print(suffix, until_no_fault(fails, 1))


@each_format
@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize(
    "scenario",
    [each_call_fails, each_write_is_short, each_call_ends_the_process, each_read_fails],
    ids=lambda scenario: scenario.__name__,
)
def test_faults(scenario: Callable[..., None], stored: str, suffix: str, library: Path) -> None:
    run(scenario, library, suffix, stored)


@pytest.mark.parametrize("name", ["replace", "fsync", "open", "chmod"])
@pytest.mark.parametrize("raised", [OSError(errno.EIO, "made up"), KeyboardInterrupt()], ids=repr)
def test_what_python_raises(
    name: str, raised: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving = Saving(tmp_path / "run.npz", replaces=True)
    saving.begin()

    def fail(*_: Any, **__: Any) -> None:
        raise raised

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with pytest.raises(type(raised)):
            saving.save()
    saving.assert_whole()
    saving.assert_as_before()
    assert [each.name for each in tmp_path.iterdir()] == ["run.npz"]


def test_content_is_on_the_disk_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure, which no test can make, keeps what was flushed."""
    events = []

    def recorded(name: str, real: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            events.append(name)
            real(*arguments)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, recorded(name, getattr(os, name)))
    other_adam().save(tmp_path / "run.npz")
    assert events == ["fsync", "replace"] + ["fsync"] * (os.name != "nt")
