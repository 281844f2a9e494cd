"""Every call by which shares are written fails, or ends the process: the checkpoint stays whole.

On one process: what others do meanwhile is tried in ``cases/faulty_files.py``.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from tests.mpi.launch import environment
from tests.processes import run_scenario
from tests.trust import shim
from tests.trust.test_write_faults import folder, until_no_fault

pytestmark = pytest.mark.usefixtures("_processes")

NAMES = ("run.npz", "run")


class _Saving:
    """An optimizer that is saved over what there is, after which it is in its second step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.optimizer = self.made()
        self.optimizer.step(np.ones(5000))
        self.save()
        self.optimizer.step(np.ones(5000))
        self.states = repr(self.optimizer.state_dict())

    @staticmethod
    def made() -> Any:
        from mpi4py import MPI

        from instep.mpi import Sharded

        return Sharded(instep.Adam, np.zeros(5000), comm=MPI.COMM_SELF)

    def save(self) -> None:
        self.optimizer.save(self.path, params=True)

    def steps(self) -> int:
        """Return those of the checkpoint that is there."""
        other = self.made()
        other.load(self.path, params=True)
        steps: int = other.steps
        return steps

    def begin(self) -> None:
        """Put the checkpoint of the first step there."""
        first = self.made()
        first.step(np.ones(5000))
        first.save(self.path, params=True)

    def files(self) -> int:
        return sum(file.is_file() for file in self.path.parent.rglob("*"))


def _each_call_fails(saving: _Saving, calls: shim.Calls) -> None:
    files = saving.files()

    def fails(code: int, lasting: bool, n: int) -> bool:
        saving.begin()
        fired, error = calls.run(saving.save, n, shim.FAIL, code, lasting=lasting)
        assert isinstance(error, OSError) == fired, f"call {n}: {error!r}"
        assert error is None or error.errno == code  # type: ignore[attr-defined]
        steps = saving.steps()
        assert steps in ((1, 2) if fired else (2,))
        assert repr(saving.optimizer.state_dict()) == saving.states
        # Where the folder could not be flushed, the former's parts may still be needed.
        assert saving.files() == files or steps == 2
        return fired

    for code, lasting in ((errno.EIO, False), (errno.ENOSPC, True)):
        print(code, until_no_fault(partial(fails, code, lasting), 6))


def _each_call_ends_the_process(saving: _Saving, calls: shim.Calls) -> None:
    files, steps = saving.files(), []

    def ends(n: int) -> bool:
        saving.begin()
        ended = calls.ends_process(saving.save, n)
        steps.append(saving.steps())
        return ended

    print(until_no_fault(ends, 6))
    # The old one up to a moment, the new one from there on.
    assert steps == sorted(steps)
    assert steps[-1] == 2
    for left in saving.path.parent.glob(".run.npz.*.tmp"):
        left.unlink()
    saving.save()
    assert saving.files() == files


SCENARIOS = (_each_call_fails, _each_call_ends_the_process)


def run(scenario: int, name: int) -> None:
    with folder() as place:
        SCENARIOS[scenario](_Saving(place / NAMES[name]), shim.Calls())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.build(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__.strip("_"))
def test_faults(scenario: Callable[..., None], name: str, library: Path) -> None:
    alone = {**environment(), "LD_PRELOAD": str(library)}
    run_scenario(run, SCENARIOS.index(scenario), NAMES.index(name), environment=alone)
