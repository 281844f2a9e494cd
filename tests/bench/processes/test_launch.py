"""How processes are started, and timed together, without any MPI."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instep.bench.processes import launch
from instep.bench.processes.loopback import received
from instep.bench.processes.timing import time_in_turn
from instep.commandline.errors import CommandError


def test_a_launch_has_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_RANK", "3")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    variables = launch.environment(launch.TCP, threads=2)
    assert "PMI_RANK" not in variables
    assert variables["OMP_NUM_THREADS"] == "2"
    assert variables["MPIR_CVAR_NOLOCAL"] == "1"
    assert "MPIR_CVAR_NOLOCAL" not in launch.environment(launch.SHARED_MEMORY)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('a line'); raise ValueError('no such thing')", "ValueError: no such thing"),
        ("import sys; sys.exit('no word of an error')", "no word of an error"),
        ("raise SystemExit(3)", "no word"),
    ],
)
def test_what_ends_with_an_error_is_one_line(
    program: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "launcher", lambda: [sys.executable, "-c", program])
    with pytest.raises(
        CommandError, match=r"^2 processes over TCP ended with status \d: "
    ) as error:
        launch.start(2, launch.TCP, 1, "no_module")
    assert str(error.value).endswith(f": {said}")


def test_the_loopback_interface_is_counted(tmp_path: Path) -> None:
    counters = tmp_path / "dev"
    assert received(counters) is None
    counters.write_text("Inter-|  Receive\n face |bytes packets\n  eth0: 5 6\n    lo: 1234 7 0\n")
    assert received(counters) == 1234


class OtherIsSlow:
    """A communicator of two processes, of which the other takes ten seconds for whatever it is."""

    size = 2

    def Barrier(self) -> None:  # noqa: N802
        pass

    def Allgather(self, own: Any, all_of_them: Any) -> None:  # noqa: N802
        all_of_them[:] = own[0], 10.0


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 1), (1.0, 6), (400.0, 10)])
def test_a_time_is_that_of_the_slowest(seconds: float, rounds: int) -> None:
    called = {"part": 0, "step": 0}

    def call(name: str) -> None:
        called[name] += 1

    part, step = ({name: partial(call, name)} for name in called)
    found = time_in_turn(OtherIsSlow(), part, step, seconds)
    assert list(found) == list(called)
    assert np.all(np.array(list(found.values())) == 10.0)
    # Three to find how long it takes; before a step that is timed there is another one.
    assert called == {"part": 3 + rounds, "step": 3 + 2 * rounds}
