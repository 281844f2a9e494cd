"""The benchmark of several processes starts them, and finds what they send where it should be."""

import json
from pathlib import Path

import pytest

from instep.__main__ import main
from instep.bench.processes import json_files
from instep.bench.processes.launch import SHARED_MEMORY, TCP
from instep.bench.processes.loopback import COUNTERS


@pytest.mark.usefixtures("_processes")
def test_two_processes_over_each_transport(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.json"
    arguments = ("--sizes", "20000", "--seconds-per-case", "0", "--json", str(kept))
    assert main(["bench", "--processes", "2", *arguments]) == 0
    assert "| 20,000: 2, TCP |" in capsys.readouterr().out
    results = json_files.results_of(json.loads(kept.read_text(encoding="utf-8")))
    assert [each.transport for each in results.launches] == [SHARED_MEMORY, TCP]
    for launch in results.launches:
        assert "MPI" in launch.mpi
        [measured] = launch.measured
        assert measured.state_bytes == 2 * 4 * (20_000 - 8192)  # cut at a block's end
        assert measured.message_bytes == 4 * 20_000
        assert all(each.median > 0 for each in measured.seconds.values())
    if COUNTERS.exists():
        through = results.launches[1].measured[0].loopback
        assert through is not None
        assert through >= 1
