"""The command where it starts nothing."""

import sys
from pathlib import Path

import pytest

from instep.bench.processes import json_files
from instep.bench.processes.launch import TCP
from tests.bench.command_line import assert_refused, bench
from tests.bench.processes.made_up import launch, results


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--processes"], "expected at least one argument"),
        (["--processes", "0"], "expected a whole number, at least 1, got '0'"),
        (["--processes", "2", "--layouts", "strided"], "--processes goes with --rules, --sizes"),
        (["--processes", "2", "--threads", "1"], "--processes goes with --rules, --sizes"),
        (["--processes", "2", "--peers"], "--processes goes with --rules, --sizes"),
        (["--processes", "2", "--storage"], "--processes goes with --rules, --sizes"),
        (["--processes", "2", "--quick"], "--processes goes with --rules, --sizes"),
        (
            ["--processes", "2", "--rules", "sgd", "lamb"],
            "that step each element by itself, got lamb",
        ),
        (["--processes", "2", "--sizes", str(10**18)], "GB of memory for 2 processes"),
        (["--processes", "2", "--json", "missing/f.json"], "cannot write --json missing/f.json: "),
        (["--processes", "2", "--plot", "missing/p.png"], "cannot write --plot missing/p.png: "),
        (["--processes", "1", "--plot", "p.png"], "--plot draws what many processes send"),
        (["--processes", "2", "--from", "f.json"], "--from measures nothing"),
        (["--network-gb-per-s", "10"], "--network-gb-per-s and --network-us go with --processes"),
        (["--network-us", "1"], "--network-gb-per-s and --network-us go with --processes"),
        (["--processes", "2", "--network-gb-per-s", "0"], "expected a number above 0, got '0'"),
        (["--processes", "2", "--network-us", "-1"], "expected a finite number, at least 0"),
    ],
    ids=" ".join,
)
def test_refused_before_anything_is_started(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("instep.bench.processes.command.require", lambda *_, **__: None)
    monkeypatch.setattr("instep.bench.processes.launch.launcher", lambda: ["false"])
    assert_refused(arguments, message, tmp_path, capsys, monkeypatch)


def test_without_mpi4py_the_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert bench("--processes", "2") == 1
    assert capsys.readouterr().err.splitlines() == [
        "instep: this command needs mpi4py; install with: pip install 'instep[mpi]'"
    ]


def test_without_a_launcher_an_mpi_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instep.bench.processes.command.require", lambda *_, **__: None)
    monkeypatch.setattr("instep.bench.processes.launch.launcher", lambda: None)
    assert bench("--processes", "2") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("instep: --processes needs mpiexec")
    assert line.endswith("pip install mpich")


def test_from_shows_and_draws_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, copy, picture = (tmp_path / name for name in ("kept.json", "copy.json", "drawn.png"))
    json_files.write(results(), kept)
    assert bench("--from", str(kept), "--json", str(copy), "--plot", str(picture)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Difference Engine No. 2, 4 cores")
    assert "MPI of brass" in shown.splitlines()[0]
    assert "| 1,000: 2, TCP |" in shown
    assert "25.0 GB/s for a machine, 2.00 µs for a message" in shown
    assert "- more than cores: " in shown
    assert copy.read_bytes() == kept.read_bytes()
    assert picture.stat().st_size > 1000
    assert bench("--from", str(kept), "--network-gb-per-s", "5", "--network-us", "30") == 0
    assert "5.00 GB/s for a machine, 30.0 µs for a message" in capsys.readouterr().out


def test_of_one_process_nothing_is_said_of_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.json"
    json_files.write(results(launch(1)), kept)
    assert bench("--from", str(kept)) == 0
    shown = capsys.readouterr().out
    assert "| 1,000: 1 |" in shown
    assert "many machines" not in shown


def test_messages_that_went_another_way_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.json"
    json_files.write(results(launch(2, loopback=0.0), launch(2, TCP, loopback=0.0)), kept)
    assert bench("--from", str(kept)) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "of no use" in line]
    assert line.startswith("- 2 processes, TCP: MPI of brass sent another way")


@pytest.mark.parametrize("launches", ["3", "[]", "[3]", '[{"processes": 2}]'])
def test_figures_that_are_none_are_refused(
    launches: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    path.write_text(f'{{"launches": {launches}}}', encoding="utf-8")
    assert bench("--from", str(path)) == 1
    assert "it holds no figures of this benchmark" in capsys.readouterr().err
