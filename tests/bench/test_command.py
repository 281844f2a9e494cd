"""``instep bench``: it measures what it says, tells what it measured, refuses what it cannot do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from instep.bench import json_file, peers
from instep.bench.arrays import DTYPES, LAYOUTS, NUMBERS
from instep.bench.cases import GRADIENTS, Case
from instep.bench.contenders import Contender
from instep.bench.measure import FEWEST_ROUNDS, measure
from instep.bench.own import REFERENCE
from instep.bench.presets import FULL, QUICK
from instep.bench.results import Measurement
from instep.bench.storage import COMBINATIONS
from tests.bench.command_line import assert_refused, bench
from tests.bench.made_up import RULE, TABLE, measurement, results

NO_TIME = ("--seconds-per-case", "0")


@pytest.fixture(autouse=True)
def _no_thread_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Case, list[str], float]]:
    """Measure nothing, and return what would have been: cases, contenders, seconds."""
    calls: list[tuple[Case, list[str], float]] = []

    def note(case: Case, contenders: list[Contender], seconds: float) -> Measurement:
        calls.append((case, [each.name for each in contenders], seconds))
        return measurement(case, {"instep": 1e-6, "numpy": 2e-6})

    monkeypatch.setattr("instep.bench.command.measure", note)
    monkeypatch.setattr("instep.bench.machine.memory", lambda: None)
    return calls


@pytest.fixture
def field(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Load made-up peers, and return the names that are asked for."""
    loads: list[list[str]] = []

    def load(names: list[str], storage: bool) -> tuple[list[Contender], dict[str, str]]:
        loads.append(list(names))
        here = [Contender(f"{name} mode", REFERENCE.prepare) for name in names if name != "thinc"]
        return here, {"thinc": "thinc is not installed"} if "thinc" in names else {}

    monkeypatch.setattr(peers, "load", load)
    monkeypatch.setattr(peers, "versions", lambda names: dict.fromkeys(names, "1.2.3"))
    return loads


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rules", *RULE, "--sizes", "3x7", "--threads", "1"),
        ("--dtypes", *DTYPES, "--rules", "adam", "--sizes", "1", "3x7"),
        ("--layouts", *LAYOUTS, "--rules", "adam", "--sizes", "12", "3x7"),
        ("--numbers", *NUMBERS, "--rules", "adam", "--sizes", "10"),
        ("--gradients", *GRADIENTS, "--rules", "adam", "--sizes", "10", "3x7"),
        ("--threads", "1", "2", "all", "--rules", "adam", "--sizes", "10", "1000"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_case_is_measured(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "figures.json"
    assert bench(*NO_TIME, *arguments, "--json", str(path)) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    for fact in (f"NumPy {np.__version__}", f"instep {instep.__version__}", "threads: "):
        assert fact in heading
    measured = json_file.results_of(json_file.load(path), path).measurements
    kinds = dict.fromkeys(each.case.kind for each in measured)
    assert [line.strip("*") for line in lines if line.startswith("**")] == list(kinds)
    assert sum(line.startswith("| numpy |") for line in lines) == len(kinds)
    for each in measured:
        assert {"instep", "functional", "numpy"} <= each.timings.keys()


def test_json_has_every_figure(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    arguments = ("--rules", "adam", "--sizes", "10", "2x1000", "--threads", "1")
    assert bench(*NO_TIME, *arguments, "--json", str(path)) == 0
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["machine"]["instep"]["numpy"] == np.__version__
    assert content["arguments"] == {
        "rules": ["adam"],
        "sizes": [[10], [1000, 1000]],
        "dtypes": ["float32"],
        "layouts": ["contiguous"],
        "numbers": ["normal"],
        "gradients": ["same"],
        "threads": [1],
        "seconds_per_case": 0,
        "peers": ["numpy_out"],
        "storage": False,
    }
    assert [each["sizes"] for each in content["measurements"]] == [[10], [1000, 1000]]
    for each in content["measurements"]:
        assert (each["rule"], each["dtype"], each["threads"]) == ("adam", "float32", 1)
        assert each["hyperparameters"]["betas"] == [0.9, 0.999]
        assert each["bytes_moved"] == 28 * sum(each["sizes"])
        own = each["contenders"]["instep"]["seconds"]["median"]
        floor = each["contenders"][each["floor"]]["seconds"]["median"]
        for contender in each["contenders"].values():
            assert contender["rounds"] == FEWEST_ROUNDS
            assert contender["steps_per_timing"] >= 1
            seconds = contender["seconds"]
            assert 0 < seconds["lower"] <= seconds["median"] <= seconds["upper"]
            assert contender["bytes_per_second"] == each["bytes_moved"] / seconds["median"]
            assert contender["ratio_to_instep"] == seconds["median"] / own
            assert contender["ratio_to_floor"] == seconds["median"] / floor


def test_presets_and_the_lists_that_replace_theirs(
    asked: list[tuple[Case, list[str], float]],
) -> None:
    assert bench("--quick") == 0
    assert [case for case, _, _ in asked] == list(QUICK.cases())
    asked.clear()
    assert bench("--full", "--rules", "sgd", "adam", "sgd", *NO_TIME) == 0
    assert [case for case, _, _ in asked] == [
        case for case in FULL.cases() if case.rule.name in ("sgd", "adam")
    ]
    assert {seconds for _, _, seconds in asked} == {0}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ["numpy_out"]),
        (("--peers", "torch"), ["numpy_out", "torch"]),
        (("--peers", "thinc", "numba", "thinc"), ["numpy_out", "thinc", "numba"]),
        (("--peers",), list(peers.PEERS)),
    ],
)
def test_peers(
    arguments: tuple[str, ...],
    names: list[str],
    asked: list[tuple[Case, list[str], float]],
    field: list[list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bench("--rules", "adam", "--sizes", "10", *arguments) == 0
    assert field == [names]
    here = [name for name in names if name != "thinc"]
    ((_, contenders, _),) = asked
    expected = ["instep", "functional", "numpy", *(f"{name} mode" for name in here)]
    assert contenders == [*expected, "traffic floor", "root floor"]
    output = capsys.readouterr().out
    assert all(f"{name} 1.2.3" in output for name in here)
    assert ("thinc: thinc is not installed" in output) == ("thinc" in names)


def test_storage(asked: list[tuple[Case, list[str], float]], field: list[list[str]]) -> None:
    """Beside the case's own steps, before those of others."""
    assert bench("--rules", "adam", "--sizes", "10", "--storage") == 0
    ((_, contenders, _),) = asked
    assert contenders[3:-3] == list(COMBINATIONS)
    assert field == [["numpy_out"]]


def test_versions_are_those_of_the_packages() -> None:
    assert peers.versions(["numpy_out"]) == {}
    assert peers.load(()) == ([], {})


def test_figures_are_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, copy = tmp_path / "figures.json", tmp_path / "copy.json"
    arguments = ("--rules", "adam", "--sizes", "10", "1000", "--json", str(path))
    assert bench(*NO_TIME, *arguments) == 0
    shown = capsys.readouterr().out
    picture = tmp_path / "picture.png"
    assert bench("--from", str(path), "--json", str(copy), "--plot", str(picture)) == 0
    assert capsys.readouterr().out == shown
    assert copy.read_bytes() == path.read_bytes()
    assert picture.stat().st_size > 1000


def test_a_terminal_gets_no_markdown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figures.json"
    json_file.write(results(*TABLE), path)
    assert bench("--from", str(path)) == 0
    assert "| instep |" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert bench("--from", str(path)) == 0
    output = capsys.readouterr().out
    assert "instep " in output
    assert "|" not in output


@pytest.mark.parametrize("threads", [("all",), ("1", "2")], ids=" ".join)
def test_pictures_are_written(threads: tuple[str, ...], tmp_path: Path) -> None:
    arguments = ("--rules", "adam", "--sizes", "10", "2x7", "--threads", *threads)
    assert bench(*NO_TIME, *arguments, "--plot", str(tmp_path / "steps.svg")) == 0
    names = {"steps.svg", "steps-threads.svg"} if len(threads) > 1 else {"steps.svg"}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "0"], "expected a whole number, at least 1, got '0'"),
        (["--sizes", "-5"], "expected"),
        (["--sizes", "ten"], "expected a whole number, at least 1, got 'ten'"),
        (["--sizes", "10x0"], "expected a whole number, at least 1, got '0'"),
        (["--sizes", str(10**18)], "GB of memory for "),
        (["--rules", "no-rule"], "'no-rule'"),
        (["--dtypes", "int8"], "'int8'"),
        (["--layouts", "upside-down"], "'upside-down'"),
        (["--numbers", "odd"], "'odd'"),
        (["--gradients", "old"], "'old'"),
        (["--threads", "0"], "expected a whole number, at least 1, got '0'"),
        (["--threads", "some"], "expected a whole number, at least 1, got 'some'"),
        (["--peers", "apex"], "'apex'"),
        (["--quick", "--full"], "not allowed with argument --quick"),
        (["--seconds-per-case", "nan"], "expected a finite number, at least 0, got 'nan'"),
        (["--seconds-per-case", "-1"], "expected"),
        (["--json", "missing/figures.json"], "cannot write --json missing/figures.json: "),
        (["--json", "."], "cannot write --json .: "),
        (["--plot", "picture.gif"], "expected a file .png, .svg or .pdf, got 'picture.gif'"),
        (["--plot", "picture"], "expected a file .png, .svg or .pdf, got 'picture'"),
        (["--plot", "missing/picture.png"], "cannot write --plot missing/picture.png: "),
        (["--plot", "picture.png", "--sizes", "3x7"], "--plot shows no cases of several arrays"),
        (["--from", "missing.json"], "cannot read missing.json: "),
        (["--from", "missing.json", "--rules", "sgd"], "--from measures nothing"),
        (["--from", "missing.json", "--peers"], "--from measures nothing"),
        (["--from", "missing.json", "--storage"], "--from measures nothing"),
        (["--from", "missing.json", "--quick"], "--from measures nothing"),
    ],
    ids=" ".join,
)
def test_refused_before_anything_is_measured(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    assert_refused(arguments, message, tmp_path, capsys, monkeypatch)


@pytest.mark.parametrize(
    ("module", "arguments"), [("rich", []), ("matplotlib", ["--plot", "picture.png"])]
)
def test_a_missing_package_is_one_line(
    module: str,
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert bench(*NO_TIME, "--sizes", "10", *arguments) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"instep: this command needs {module}; install with: pip install 'instep[bench]'"
    ]


def test_interrupted_tells_what_it_has_and_keeps_the_old_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted_at_adam(case: Case, *args: Any) -> Measurement:
        if case.rule.name == "adam":
            raise KeyboardInterrupt
        return measure(case, *args)

    monkeypatch.setattr("instep.bench.command.measure", interrupted_at_adam)
    path = tmp_path / "figures.json"
    path.write_text("earlier", encoding="utf-8")
    arguments = ("--rules", "sgd", "adam", "--sizes", "1000", "--json", str(path))
    assert bench(*NO_TIME, *arguments) == 130
    assert "sgd" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == "earlier"


def test_help_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--help") == 0
    output = capsys.readouterr().out
    for name in (*RULE, *peers.PEERS, "--from", "--full"):
        assert name in output
