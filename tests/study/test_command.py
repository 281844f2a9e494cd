"""``instep study``: parts that run once, all of them or one, and a report of what is finished."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from instep.__main__ import main
from instep.commandline.errors import CommandError
from instep.commandline.numbers import positive
from instep.study import command
from instep.study.parts import PARTS
from tests.processes import run_python
from tests.study.made_up import MadeUpPart

if TYPE_CHECKING:
    import argparse

    Capture = pytest.CaptureFixture[str]


def add_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=positive, default=3)


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, MadeUpPart]:
    """Put three made-up parts in the place of the real ones."""
    made_up = {
        "first": MadeUpPart("first", "The first"),
        "second": MadeUpPart("second", "The second", add_arguments=add_size),
        "third": MadeUpPart("third", "The third", add_arguments=add_data),
    }
    monkeypatch.setattr(command, "PARTS", made_up)
    return made_up


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set of packages that are not installed, empty at first."""
    missing: set[str] = set()
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in missing else find(name)
    )
    return missing


def refusal(capsys: Capture, *arguments: str) -> str:
    """Run a command that must fail and return its one line on standard error."""
    assert main(["study", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


FOLDER = Path(command.__file__).parent
COMMON = ("--quick", "--seed N", "--out DIR", "--again")


@pytest.mark.parametrize("name", [*PARTS, "all"])
def test_every_part_explains_itself(capsys: Capture, name: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["study", name, "--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    for option in COMMON:
        assert option in text
    if name in PARTS:
        assert PARTS[name].title in " ".join(text.split())


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_one_anatomy(name: str) -> None:
    assert PARTS[name].name == name
    folder = FOLDER / name.replace("-", "_")
    assert {"part.py", "text.py", "pictures.py"} <= {file.name for file in folder.iterdir()}


def test_every_folder_with_a_part_is_listed() -> None:
    folders = {file.parent.name.replace("_", "-") for file in FOLDER.glob("*/part.py")}
    assert folders == PARTS.keys()


def test_help_lists_the_parts_and_needs_no_extra() -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('jax', 'matplotlib', 'PIL', 'rich', "
        "'sklearn'))); from instep.__main__ import main; main(['study', '--help'])"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
    listed = {line.split()[0] for line in result.stdout.splitlines() if line.strip()}
    assert listed >= {*PARTS, "all"}


def test_a_part_is_told_its_settings_and_leaves_its_findings(
    parts: dict[str, MadeUpPart], tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "new" / "folder"
    assert main(["study", "second", "--seed", "7", "--size", "5", "--out", str(out)]) == 0
    (settings,) = parts["second"].runs
    assert vars(settings) == {"seed": 7, "quick": False, "size": 5}
    assert sorted(path.name for path in out.iterdir()) == [
        *("report.md", "second-curve.png", "second-numbers.csv", "second.json", "second.md"),
    ]
    captured = capsys.readouterr()
    assert "Found by second with seed 7." in captured.out
    assert "second" in captured.err
    assert "2/2" in captured.err


def test_a_terminal_is_told_the_names_of_pictures(
    parts: dict[str, MadeUpPart], tmp_path: Path, capsys: Capture
) -> None:
    main(["study", "first", "--out", str(tmp_path)])
    text = capsys.readouterr().out
    assert "Picture: first-curve.png" in text
    assert "Caption of curve." in text
    assert "🌆" not in text


SAME = {
    "the same": [],
    "its default spelled out": ["--size", "3"],
    "the seed's default spelled out": ["--seed", "0"],
}
OTHER = {
    "another seed": ["--seed", "1"],
    "another size": ["--size", "4"],
    "quick": ["--quick"],
    "again": ["--again"],
}


@pytest.mark.parametrize("arguments", SAME.values(), ids=list(SAME))
def test_a_finished_part_is_shown_and_not_run_again(
    parts: dict[str, MadeUpPart], tmp_path: Path, capsys: Capture, arguments: list[str]
) -> None:
    main(["study", "second", "--out", str(tmp_path)])
    capsys.readouterr()
    assert main(["study", "second", *arguments, "--out", str(tmp_path)]) == 0
    assert len(parts["second"].runs) == 1
    text = capsys.readouterr().out
    assert "second is finished; --again runs it anew" in text
    assert "Found by second with seed 0." in text


@pytest.mark.parametrize("arguments", OTHER.values(), ids=list(OTHER))
def test_a_finished_part_is_run_again_with_other_settings(
    parts: dict[str, MadeUpPart], tmp_path: Path, arguments: list[str]
) -> None:
    main(["study", "second", "--out", str(tmp_path)])
    main(["study", "second", *arguments, "--out", str(tmp_path)])
    assert len(parts["second"].runs) == 2


def test_a_part_is_run_again_in_another_folder(
    parts: dict[str, MadeUpPart], tmp_path: Path
) -> None:
    for folder in ("one", "two"):
        main(["study", "first", "--out", str(tmp_path / folder)])
    assert len(parts["first"].runs) == 2


@pytest.mark.parametrize(
    ("error", "status"), [(CommandError("mend this"), 1), (KeyboardInterrupt(), 130)]
)
def test_an_interrupted_part_is_not_finished(
    parts: dict[str, MadeUpPart],
    tmp_path: Path,
    capsys: Capture,
    error: BaseException,
    status: int,
) -> None:
    parts["first"].errors.append(error)
    assert main(["study", "first", "--out", str(tmp_path)]) == status
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in capsys.readouterr().err
    assert main(["study", "first", "--out", str(tmp_path)]) == 0
    assert len(parts["first"].runs) == 2


def test_an_interruption_leaves_what_was_finished_before(
    parts: dict[str, MadeUpPart], tmp_path: Path
) -> None:
    main(["study", "first", "--out", str(tmp_path)])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    parts["first"].errors.append(KeyboardInterrupt())
    assert main(["study", "first", "--seed", "1", "--out", str(tmp_path)]) == 130
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_all_runs_every_part_with_the_common_options(
    parts: dict[str, MadeUpPart], tmp_path: Path
) -> None:
    arguments = ["--seed", "5", "--quick", "--data", "folder", "--out", str(tmp_path)]
    assert main(["study", "all", *arguments]) == 0
    common = {"seed": 5, "quick": True}
    assert {name: [vars(run) for run in part.runs] for name, part in parts.items()} == {
        "first": [common],
        "second": [{**common, "size": 3}],
        "third": [{**common, "data": Path("folder")}],
    }


def test_all_goes_on_where_it_was_interrupted(parts: dict[str, MadeUpPart], tmp_path: Path) -> None:
    parts["second"].errors.append(KeyboardInterrupt())
    assert main(["study", "all", "--out", str(tmp_path)]) == 130
    assert main(["study", "all", "--out", str(tmp_path)]) == 0
    assert [len(part.runs) for part in parts.values()] == [1, 2, 1]
    assert main(["study", "all", "--again", "--out", str(tmp_path)]) == 0
    assert [len(part.runs) for part in parts.values()] == [2, 3, 2]


def test_what_all_finished_a_part_alone_need_not_run(
    parts: dict[str, MadeUpPart], tmp_path: Path
) -> None:
    main(["study", "all", "--out", str(tmp_path)])
    main(["study", "second", "--out", str(tmp_path)])
    assert len(parts["second"].runs) == 1


def test_the_report_joins_the_finished_parts_in_order(
    parts: dict[str, MadeUpPart], tmp_path: Path
) -> None:
    for name in ("third", "first"):
        main(["study", name, "--out", str(tmp_path)])
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    headings = [line for line in report.splitlines() if line.startswith("#")]
    assert headings == ["# The optimizer study", "## The first", "## The third"]
    assert "![The first: curve](first-curve.png)" in report
    assert "[first-numbers.csv](first-numbers.csv)" in report


@pytest.mark.parametrize("missing", ["matplotlib", "rich", "jax"])
def test_a_missing_extra_is_named(
    capsys: Capture, without: set[str], tmp_path: Path, missing: str
) -> None:
    without.add(missing)
    line = refusal(capsys, "digits", "--out", str(tmp_path / "out"))
    assert missing in line
    assert "pip install 'instep[study]'" in line
    assert not (tmp_path / "out").exists()


def test_all_names_what_is_missing_before_the_first_part(
    parts: dict[str, MadeUpPart], capsys: Capture, without: set[str], tmp_path: Path
) -> None:
    parts["third"] = MadeUpPart("third", "The third", ("jax", "sklearn"))
    without |= {"jax", "sklearn"}
    assert "needs jax, sklearn;" in refusal(capsys, "all", "--out", str(tmp_path))
    assert parts["first"].runs == []


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_findings_that_will_have_no_place_are_refused_at_once(
    parts: dict[str, MadeUpPart], capsys: Capture, tmp_path: Path, out: str
) -> None:
    (tmp_path / "file").touch()
    line = refusal(capsys, "first", "--out", str(tmp_path / out))
    assert "cannot make the folder" in line
    assert "--out" in line
    assert parts["first"].runs == []


BAD_ARGUMENTS = {
    (): "the following arguments are required: part",
    ("unknown",): "invalid choice: 'unknown'",
    ("digits", "--seed", "-1"): "--seed: expected a whole number, at least 0, got '-1'",
    ("digits", "--seed", "1.5"): "--seed: expected a whole number, at least 0, got '1.5'",
    ("all", "--seed", "x"): "--seed: expected a whole number, at least 0, got 'x'",
    ("all", "--size", "1"): "unrecognized arguments: --size",
    ("digits", "--optimizers", "adamm"): "invalid choice: 'adamm'",
    ("digits", "--optimizers"): "expected at least one argument",
    ("digits", "--epochs", "0"): "--epochs: expected a whole number, at least 1, got '0'",
    ("digits", "--epochs", "1.5"): "--epochs: expected a whole number, at least 1, got '1.5'",
    ("digits", "--batch-size", "0"): "--batch-size: expected a whole number, at least 1, got '0'",
    ("digits", "--rates", "-0.1"): "--rates: expected a finite number, at least 0, got '-0.1'",
    ("digits", "--rates", "nan"): "--rates: expected a finite number, at least 0, got 'nan'",
    ("digits", "--rates", "1", "inf"): "--rates: expected a finite number, at least 0, got 'inf'",
    ("digits", "--rates", "fast"): "--rates: expected a finite number, at least 0, got 'fast'",
}


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS.items(), ids=" ".join)
def test_bad_arguments_are_refused(
    capsys: Capture, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["study", *arguments])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
