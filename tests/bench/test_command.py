"""``instep bench``: it measures what it says, tells what it measured, refuses what it cannot do."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import instep
from instep.__main__ import main
from instep.bench.cases import LAYOUTS, NEW_GRADIENTS, RULES, Arrays, Case, Rule
from instep.bench.measure import Measurement, measure
from instep.bench.own import INSTEP, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK = ("--seconds-per-case", "0")

BYTES_PER_FLOAT32 = {
    "sgd": 12,
    "sgd-momentum": 20,
    "sgd-nesterov": 20,
    "adam": 28,
    "adamw": 28,
    "amsgrad": 36,
    "rmsprop": 20,
    "rmsprop-momentum": 28,
    "rmsprop-centered": 28,
    "adagrad": 20,
    "adadelta": 28,
}


@dataclass(frozen=True)
class OpenCase(Case):
    """A case that keeps hold of the parameters that it gave away."""

    given: list[list[np.ndarray[Any, Any]]] = field(default_factory=list)

    def arrays(self) -> tuple[Arrays, list[Arrays]]:
        params, grads = super().arrays()
        self.given.append(params if isinstance(params, list) else [params])
        return params, grads


@pytest.fixture(autouse=True)
def _no_thread_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


def bench(*arguments: str) -> int:
    try:
        return main(["bench", *arguments])
    except SystemExit as refused_by_argparse:
        return int(str(refused_by_argparse.code))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("gradient_buffers", [1, 3])
@pytest.mark.parametrize("sizes", [(7,), (5, 8)], ids=["one array", "two arrays"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_contenders_take_the_same_steps(
    rule: Rule, sizes: tuple[int, ...], gradient_buffers: int, layout: str
) -> None:
    case = OpenCase(rule, "float32", sizes, layout, gradient_buffers)
    steps = [contender.prepare(case).step for contender in (INSTEP, REFERENCE)]
    start = [param.copy() for param in case.given[0]]
    for step in steps:
        for _ in range(5):
            step()
    one, *others = case.given
    assert not any(np.any(param == before) for param, before in zip(one, start, strict=True))
    for other in others:
        for param, same in zip(one, other, strict=True):
            assert param is not same
            assert param.tobytes() == same.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_bytes_of_a_step_follow_from_the_arrays(rule: Rule, dtype: str) -> None:
    wider = np.dtype(dtype).itemsize // 4
    assert Case(rule, dtype, (5, 8)).bytes_moved == 13 * BYTES_PER_FLOAT32[rule.name] * wider


def test_table_has_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*QUICK, "--sizes", "10", "3x7", "--dtypes", "float32", "float64") == 0
    first, *lines = capsys.readouterr().out.splitlines()
    for fact in (f"NumPy {np.__version__}", f"instep {instep.__version__}", "threads"):
        assert fact in first
    rows = [line.split() for line in lines if " × " in line]
    shapes = (["10"], ["10", "*"], ["3", "×", "7"], ["3", "×", "7", "*"])
    expected = [
        [rule.name, dtype, *shape]
        for rule in RULES
        for dtype in ("float32", "float64")
        for shape in shapes
    ]
    assert [row[: len(start)] for row, start in zip(rows, expected, strict=True)] == expected


def test_table_is_whole_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    arguments = ("--rules", "rmsprop-momentum", "--sizes", "20x1000", "--layouts", "strided")
    assert bench(*QUICK, *arguments) == 0
    output = capsys.readouterr().out
    assert "rmsprop-momentum  float32  20 × 1,000 strided" in output
    assert "…" not in output


def test_json_has_every_figure(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    sizes = ("10", "2x1000")
    assert (
        bench(*QUICK, "--rules", "adam", "--sizes", *sizes, "--threads", "1", "--json", str(path))
        == 0
    )
    figures = json.loads(path.read_text(encoding="utf-8"))
    assert figures["machine"]["instep"]["numpy"] == np.__version__
    assert figures["machine"]["instep"]["num_threads"] == 1
    measured = [
        (each["rule"], each["dtype"], each["sizes"], each["layout"], each["gradient_buffers"])
        for each in figures["measurements"]
    ]
    assert measured == [
        ("adam", "float32", [10], "contiguous", 1),
        ("adam", "float32", [10], "contiguous", NEW_GRADIENTS),
        ("adam", "float32", [1000, 1000], "contiguous", 1),
    ]
    for each in figures["measurements"]:
        assert each["hyperparameters"]["betas"] == [0.9, 0.999]
        assert each["bytes_moved"] == 28 * sum(each["sizes"])
        assert each["rounds"] >= 5
        assert list(each["contenders"]) == ["instep", "numpy"]
        own = each["contenders"]["instep"]["seconds"]["median"]
        for contender in each["contenders"].values():
            assert contender["steps_per_timing"] >= 1
            seconds = contender["seconds"]
            assert 0 < seconds["lower"] <= seconds["median"] <= seconds["upper"]
            assert contender["bytes_per_second"] == each["bytes_moved"] / seconds["median"]
            assert contender["ratio_to_instep"] == seconds["median"] / own


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "0"], "expected a whole number above 0, got '0'"),
        (["--sizes", "-5"], "expected"),
        (["--sizes", "ten"], "expected a whole number above 0, got 'ten'"),
        (["--sizes", "10x0"], "expected a whole number above 0, got '0'"),
        (["--sizes", str(10**18)], "GB of memory"),
        (["--rules", "lion"], "'lion'"),
        (["--dtypes", "int8"], "'int8'"),
        (["--layouts", "upside-down"], "'upside-down'"),
        (["--threads", "0"], "expected a whole number above 0, got '0'"),
        (["--seconds-per-case", "nan"], "expected a number of seconds from 0, got 'nan'"),
        (["--seconds-per-case", "-1"], "expected"),
        (["--json", "missing/figures.json"], "cannot write --json missing/figures.json: "),
        (["--json", "."], "cannot write --json .: "),
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
    monkeypatch.chdir(tmp_path)
    assert bench(*arguments) != 0
    output = capsys.readouterr()
    assert output.out == ""
    *usage, line = output.err.splitlines()
    assert message in line
    assert all(each.startswith("usage: ") for each in usage)
    assert list(tmp_path.iterdir()) == []


def test_missing_rich_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    assert bench(*QUICK, "--sizes", "10") == 1
    assert capsys.readouterr().err.splitlines() == [
        "instep: this command needs rich; install with: pip install 'instep[bench]'"
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
    assert bench(*QUICK, *arguments) == 130
    assert "sgd" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == "earlier"
