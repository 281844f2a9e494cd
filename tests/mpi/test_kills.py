"""A process that is killed at any moment leaves a checkpoint, from which training goes on."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cases import Array
from tests.examples import EXAMPLES, needs_examples
from tests.mpi.kills import Started, until_it_ends

pytestmark = [
    pytest.mark.usefixtures("_processes"),
    pytest.mark.skipif(sys.platform != "linux", reason="whether a process runs is read in /proc"),
]

_PROGRAM = str(EXAMPLES / "restarted.py")
_SAVING = str(Path(__file__).with_name("saving.py"))

_AT_ONCE = 5
"""How often a training is killed before it is left alone."""

few_and_many = pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.exhaustive)])


@pytest.fixture
def rng() -> random.Random:
    """Return random numbers of a seed that a failure shows."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    return random.Random(seed)


def _arrays(path: Path) -> dict[str, Array]:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files if name != "metadata.json"}


@needs_examples
@few_and_many
def test_training_that_is_killed_ends_with_the_same_bits(
    kills: int, rng: random.Random, tmp_path: Path
) -> None:
    undisturbed = tmp_path / "undisturbed.npz"
    until_it_ends(rng, 0, _PROGRAM, str(undisturbed))
    expected = _arrays(undisturbed)
    path = tmp_path / "run.npz"
    killed, trainings = 0, 0
    while killed < kills:
        path.unlink(missing_ok=True)
        more, output = until_it_ends(rng, min(_AT_ONCE, kills - killed), _PROGRAM, str(path))
        assert "after 300 steps" in output
        found = _arrays(path)
        assert found.keys() == expected.keys()
        for name, array in found.items():
            assert array.tobytes() == expected[name].tobytes(), name
        killed += more
        trainings += 1
    print(f"survived {killed} kills of {killed}, in {trainings} trainings")


@few_and_many
def test_a_save_that_is_killed_leaves_a_whole_checkpoint(
    kills: int, rng: random.Random, tmp_path: Path
) -> None:
    """The program looks at what it loads, and saves all the time, to a file and to a folder."""

    in_the_middle = 0
    for _ in range(kills):
        started = Started(rng.choice([1, 2, 4]), _SAVING, str(tmp_path))
        assert started.kill_after(rng.uniform(0, 1), rng), started.wait()
        status, output = started.wait()
        assert "Traceback" not in output, output
        assert status != 0
        left = [*tmp_path.glob(".run.npz.*.tmp")]
        in_the_middle += bool(left)
        for file in left:
            file.unlink()
    print(f"survived {kills} kills of {kills}, {in_the_middle} in the middle of one file")
    for processes in (1, 4):
        status, output = Started(processes, _SAVING, str(tmp_path), "1").wait()
        assert status == 0, output
        assert "saved" in output
        assert len(list((tmp_path / "run").iterdir())) == processes + 1
