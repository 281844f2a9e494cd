"""Files that are no checkpoint of this optimizer: one error, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import instep
from tests.api.model import copied, make, params_of
from tests.trust.forged import (
    forge,
    npy,
)
from tests.trust.made import (
    FORMATS,
    fingerprint,
    other_adam,
)
from tests.trust.refusing import each_format, refuses
from tests.trust.refusing import saved as saved

HERE = Path(__file__).parent


class Loading:
    """An optimizer that loads damaged versions of one file."""

    def __init__(self, content: bytes, path: Path) -> None:
        self.content, self.path = content, path
        self.optimizer = self.fresh()
        self.before = fingerprint(self.optimizer)
        path.write_bytes(content)
        whole = self.fresh()
        whole.load(path, params=True)
        self.loaded = fingerprint(whole)

    @staticmethod
    def fresh() -> Any:
        return make("Adam", {"w": np.ones((2, 2), np.float32), "b": np.full((), 3.0)})

    def load(self, content: bytes) -> bool:
        """Load `content`, and return whether it was refused."""
        with self.path.open("r+b") as file:  # in place: on some file systems much faster
            file.write(content)
            file.truncate()
        refusal = None
        try:
            self.optimizer.load(self.path, params=True)
        except instep.CheckpointError as error:
            refusal = str(error)
        if refusal is not None:
            assert refusal.startswith(f"{self.path}: ")
            assert fingerprint(self.optimizer) == self.before
            return True
        assert fingerprint(self.optimizer) == self.loaded
        self.optimizer = self.fresh()
        return False


@pytest.fixture(scope="module", params=FORMATS)
def loading(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loading:
    content = (HERE / f"version_1{request.param}").read_bytes()
    return Loading(content, tmp_path_factory.mktemp("damaged") / f"run{request.param}")


def test_every_byte_flipped(loading: Loading) -> None:
    """What loads all the same are bytes without a meaning, such as an archive's dates."""
    refused = 0
    for position in range(len(loading.content)):
        damaged = bytearray(loading.content)
        damaged[position] ^= 1 << position % 8
        refused += loading.load(bytes(damaged))
    share = refused / len(loading.content)
    assert share == 1 if loading.path.suffix == ".safetensors" else share > 0.8


def test_every_truncation(loading: Loading) -> None:
    for length in range(len(loading.content)):
        assert loading.load(loading.content[:length]), f"the first {length} bytes were loaded"


@given(data=st.data())
def test_damage(loading: Loading, data: st.DataObject) -> None:
    content = bytearray(loading.content)
    places = st.integers(0, len(content) - 1)
    for _ in range(data.draw(st.integers(1, 3))):
        at, other = data.draw(places), data.draw(places)
        length = data.draw(st.integers(1, 64))
        kind = data.draw(st.sampled_from(["overwrite", "insert", "delete", "copy", "swap"]))
        if kind == "overwrite":
            content[at : at + length] = data.draw(st.binary(min_size=1, max_size=length))
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=length))
        elif kind == "delete":
            del content[at : at + length]
        elif kind == "copy":
            content[at : at + length] = content[other : other + length]
        else:
            first, second = sorted((at, other))
            length = min(length, second - first, len(content) - second)
            a, b = content[first : first + length], content[second : second + length]
            content[first : first + length], content[second : second + length] = b, a
        if not content:
            content = bytearray(b"\0")
        places = st.integers(0, len(content) - 1)
    loading.load(bytes(content))


@given(content=st.binary(max_size=300))
def test_any_content(loading: Loading, content: bytes) -> None:
    assert loading.load(content)


def of_others(path: Path) -> None:
    if path.suffix == ".npz":
        np.savez(path, w=np.ones((2, 3), np.float32))
    else:
        safetensors = pytest.importorskip("safetensors.numpy")
        safetensors.save_file({"w": np.ones((2, 3), np.float32)}, path, {"format": "pt"})


FOREIGN: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("This is not a checkpoint.\n" * 100),
    "zeros": lambda path: path.write_bytes(bytes(4096)),
    "ones": lambda path: path.write_bytes(b"\xff" * 4096),
    "an array": lambda path: path.write_bytes(npy(np.ones((2, 3)))),
    "a pickle": lambda path: path.write_bytes(b"\x80\x04\x95\x0b\0\0\0\0\0\0\0K\x01."),
    "arrays of others": of_others,
}


@each_format
@pytest.mark.parametrize("write", FOREIGN.values(), ids=list(FOREIGN))
def test_foreign_files(write: Callable[[Path], Any], suffix: str, tmp_path: Path) -> None:
    write(tmp_path / f"run{suffix}")
    refuses(tmp_path / f"run{suffix}", "checkpoint of instep|damaged")


@each_format
def test_one_format_under_the_others_name(suffix: str, saved: Path, tmp_path: Path) -> None:
    (other,) = {*FORMATS} - {suffix}
    forge(tmp_path / f"run{other}", saved, lambda *_: None)
    (tmp_path / f"run{other}").rename(tmp_path / f"run{suffix}")
    refuses(tmp_path / f"run{suffix}", "checkpoint of instep|damaged")


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "another class": (lambda: make("AdamW", copied(params_of(other_adam()))), "AdamW"),
    "another rule": (lambda: make("SGD", copied(params_of(other_adam()))), "SGD"),
    "fewer parameters": (lambda: make("Adam", [np.ones((2, 3), np.float32)]), "2 parameters"),
    "another shape": (
        lambda: make("Adam", {"w": np.ones((3, 2), np.float32), "b": np.ones(2)}),
        r"\[3, 2\]",
    ),
    "another dtype": (lambda: make("Adam", {"w": np.ones((2, 3)), "b": np.ones(2)}), "float64"),
    "other names": (
        lambda: make("Adam", {"weights": np.ones((2, 3), np.float32), "b": np.ones(2)}),
        "weights",
    ),
    "more groups": (
        lambda: make("Adam", [{"params": [np.ones((2, 3), np.float32)]}, {"params": [np.ones(2)]}]),
        "param_groups",
    ),
    "amsgrad": (
        lambda: make("Adam", {"w": np.ones((2, 3), np.float32), "b": np.ones(2)}, amsgrad=True),
        "max_exp_avg_sq",
    ),
    "much larger": (lambda: make("Adam", [np.ones((1500, 1500))]), "parameters|bytes"),
}


@each_format
@pytest.mark.parametrize(("made", "match"), OTHERS.values(), ids=list(OTHERS))
def test_files_of_other_optimizers(
    made: Callable[[], Any], match: str, suffix: str, tmp_path: Path
) -> None:
    made().save(tmp_path / f"run{suffix}", params=True)
    refuses(tmp_path / f"run{suffix}", match)
