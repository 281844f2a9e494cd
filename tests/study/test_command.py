"""``instep study digits`` as its user sees it."""

from __future__ import annotations

import gzip
import importlib.util
import re
from typing import TYPE_CHECKING

import pytest

from instep.__main__ import main
from tests.processes import run_python
from tests.study.files import IMAGES, LABELS, digits, idx_bytes, write

if TYPE_CHECKING:
    from pathlib import Path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail and return its one line on standard error."""
    assert main(["study", "digits", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_trains_with_every_optimizer_and_draws_their_losses(tmp_path: Path) -> None:
    data = write(tmp_path / "data", digits(200), zipped=True)
    out = tmp_path / "new" / "folder"
    result = run_python(
        *("-W", "error", "-m", "instep", "study", "digits", "--epochs", "6", "--batch-size", "8"),
        *("--data", str(data), "--out", str(out)),
    )
    assert result.returncode == 0, result.stderr

    rows = re.findall(r"│ (\w+) +│ +\S+ │ +(\S+) │ +(\S+)% │.*x │", result.stdout)
    assert [row[0] for row in rows] == ["Adam", "AMSGrad", "RMSprop", "Adagrad", "Adadelta", "SGD"]
    for name, final_loss, accuracy in rows:
        # Guessing among ten digits costs ln 10 = 2.3 and is right for a tenth of them.
        assert float(final_loss) < 1.0, name
        assert float(accuracy) > 50.0, name
    assert len(re.findall(r"120/120 loss \S+ +accuracy \S+%", result.stderr)) == 6

    (picture,) = out.iterdir()
    assert picture.name in result.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_trains_on_the_digits_inside_scikit_learn(tmp_path: Path) -> None:
    result = run_python(
        *("-m", "instep", "study", "digits", "--epochs", "1", "--optimizers", "sgd", "sgd"),
        *("--lr", "0.05", "--out", str(tmp_path)),
    )
    assert result.returncode == 0, result.stderr
    assert len(re.findall(r"│ SGD +│ +0\.05 │", result.stdout)) == 1
    assert "1438 images to train on, 359 to test on" in result.stdout


@pytest.mark.parametrize("missing", ["jax", "matplotlib", "rich", "sklearn"])
def test_a_missing_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find(name)
    )
    line = refusal(capsys)
    assert missing in line
    assert "pip install 'instep[study]'" in line


def test_a_folder_of_mnist_needs_no_scikit_learn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "sklearn" else find(name)
    )
    line = refusal(capsys, "--data", str(tmp_path / "absent"), "--out", str(tmp_path))
    assert "absent' does not exist" in line


WHOLE = idx_bytes(digits(20)[IMAGES])
BAD_IMAGES = {
    "truncated": (WHOLE[:-1], "is truncated"),
    "gzip damaged": (gzip.compress(WHOLE)[:-1], "is a damaged gzip file"),
    "foreign": (b"not at all", "is not an IDX file"),
}


@pytest.mark.parametrize(("data", "message"), BAD_IMAGES.values(), ids=list(BAD_IMAGES))
def test_a_bad_file_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes, message: str
) -> None:
    folder = write(tmp_path / "data", digits(20))
    (folder / IMAGES).write_bytes(data)
    out = tmp_path / "out"
    line = refusal(capsys, "--data", str(folder), "--out", str(out))
    assert re.match(rf"instep: '.*{IMAGES}' {message}", line)
    assert not out.exists()


def test_files_of_different_counts_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    images, labels = digits(20)[IMAGES], digits(19)[LABELS]
    folder = write(tmp_path / "data", {IMAGES: images, LABELS: labels})
    line = refusal(capsys, "--data", str(folder), "--out", str(tmp_path / "out"))
    assert f"holds 20 images but '{LABELS}' 19 labels" in line


def test_a_batch_larger_than_the_training_part_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = write(tmp_path / "data", digits(20))
    arguments = ("--data", str(folder), "--out", str(tmp_path / "out"), "--batch-size", "17")
    assert "--batch-size 17 is more than the 16 training images" in refusal(capsys, *arguments)


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_a_picture_that_will_have_no_place_is_refused_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, out: str
) -> None:
    data = write(tmp_path / "data", digits(50))
    (tmp_path / "file").touch()
    line = refusal(capsys, "--data", str(data), "--out", str(tmp_path / out))
    assert "cannot make the folder" in line
    assert "--out" in line


BAD_ARGUMENTS = {
    ("--optimizers", "adamm"): "invalid choice: 'adamm'",
    ("--optimizers",): "expected at least one argument",
    ("--epochs", "0"): "--epochs: expected a whole number, at least 1, not '0'",
    ("--epochs", "1.5"): "--epochs: expected a whole number, at least 1, not '1.5'",
    ("--batch-size", "0"): "--batch-size: expected a whole number, at least 1, not '0'",
    ("--seed", "-1"): "--seed: expected a whole number, at least 0, not '-1'",
    ("--lr", "-0.1"): "--lr: expected a finite number, at least 0, not '-0.1'",
    ("--lr", "nan"): "--lr: expected a finite number, at least 0, not 'nan'",
    ("--lr", "inf"): "--lr: expected a finite number, at least 0, not 'inf'",
    ("--lr", "fast"): "--lr: expected a finite number, at least 0, not 'fast'",
}


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS.items(), ids=" ".join)
def test_bad_arguments_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["study", "digits", *arguments])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
