"""Files whose parts have been changed and yet are whole: one error, and nothing has changed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instep
from tests.api.model import assert_same
from tests.trust.forged import (
    Arrays,
    Metadata,
    forge,
    header,
    npy,
    parts,
    write_archive,
    write_tensors,
)
from tests.trust.made import (
    everything,
    other_adam,
)
from tests.trust.refusing import each_format, refuses
from tests.trust.refusing import saved as saved


def setting(key: str, value: Any) -> Callable[[Metadata, Arrays], None]:
    return lambda metadata, _: metadata.update({key: value})


def in_group(**values: Any) -> Callable[[Metadata, Arrays], None]:
    return lambda metadata, _: metadata["param_groups"][0].update(values)


def without(key: str) -> Callable[[Metadata, Arrays], None]:
    return lambda metadata, _: metadata.pop(key)


def another_array(name: str) -> Callable[[Metadata, Arrays], None]:
    def change(metadata: Metadata, arrays: Arrays) -> None:
        arrays[name] = np.zeros((2, 3), np.float32)
        metadata["checksums"][name] = 0

    return change


def unlisted_array(metadata: Metadata, arrays: Arrays) -> None:
    arrays["state.1.more"] = np.zeros(2)


def swapped(metadata: Metadata, arrays: Arrays) -> None:
    one, two = "state.0.exp_avg", "state.0.exp_avg_sq"
    arrays[one], arrays[two] = arrays[two], arrays[one]


def text(old: str, new: str) -> Callable[[Metadata, Arrays], str]:
    def change(metadata: Metadata, arrays: Arrays) -> str:
        result = json.dumps(metadata).replace(old, new, 1)
        assert new in result
        return result

    return change


FORGED: dict[str, tuple[Callable[[Metadata, Arrays], Any], str]] = {
    "a newer version": (setting("version", 2), "version 2.*up to version 1.*newer"),
    "version NaN": (setting("version", np.nan), "version"),
    "no version": (without("version"), "version"),
    "another format": (setting("format", "other"), "other"),
    "no format": (without("format"), "checkpoint of instep"),
    "another class": (setting("class", "AdamW"), r"Adam \(adam\).*AdamW"),
    "another rule": (setting("rule", "sgd"), "sgd"),
    "counts NaN": (setting("steps", np.nan), "steps.*nan"),
    "counts infinite": (setting("skipped_steps", np.inf), "skipped_steps.*inf"),
    "counts below 0": (setting("steps", -1), "steps.*-1"),
    "half a count": (setting("param_steps", [1.5, 1]), "step.*1.5"),
    "counts as text": (setting("steps", "3"), "steps.*'3'"),
    "counts as truth": (setting("skipped_steps", True), "skipped_steps.*True"),
    "counts beyond 64 bits": (setting("param_steps", [2**63, 1]), "step.*9223372036854775808"),
    "counts of 5000 digits": (text('"steps": 2', '"steps": ' + "9" * 5000), "digits"),
    "counts missing": (without("steps"), "steps"),
    "too few counts": (setting("param_steps", [1]), "param_steps"),
    "counts not a list": (setting("param_steps", {"0": 1, "1": 2}), "lists"),
    "no groups": (setting("param_groups", []), "param_groups.*1.*0"),
    "groups not a list": (setting("param_groups", "ab"), "lists"),
    "a group of nothing": (setting("param_groups", [None]), "mapping"),
    "a huge group": (in_group(params=2**62), "2 parameters"),
    "a group of lists": (in_group(params=[0, 1]), "params of a group"),
    "other names": (in_group(param_names=["b", "v"]), r"\['w', 'b'\].*\['b', 'v'\]"),
    "a name twice": (in_group(param_names=["w", "w"]), r"\['w', 'b'\].*\['w', 'w'\]"),
    "too few names": (in_group(param_names=["w"]), r"\['w', 'b'\].*\['w'\]"),
    "lists as names": (in_group(param_names=[["w"], ["b"]]), "unhashable|list"),
    "names of other parameters": (
        in_group(param_names=["b", "w"]),
        "parameter 'w'.*dtype and shape",
    ),
    "names that are no list": (in_group(param_names=3), "int"),
    "a rate NaN": (in_group(lr=np.nan), "lr.*nan"),
    "a rate as text": (in_group(lr="1"), "lr"),
    "a rate of 400 digits": (in_group(lr=10**400), "lr"),
    "betas as a mapping": (in_group(betas={"0": 0.9, "1": 0.9}), "betas"),
    "another fixed option": (in_group(amsgrad=True), "amsgrad"),
    "hyperparameters missing": (
        lambda metadata, _: metadata["param_groups"][0].pop("betas"),
        "betas",
    ),
    "another number of parameters": (setting("params", [["float64", [2]]]), "2 parameters, got 1"),
    "another shape": (
        setting("params", [["float32", [3, 2]], ["float64", [2]]]),
        r"parameter 'w'.*\[2, 3\].*\[3, 2\]",
    ),
    "another dtype": (
        setting("params", [["float64", [2, 3]], ["float64", [2]]]),
        "parameter 'w'.*float32.*float64",
    ),
    "shapes not a list": (setting("params", 2), "params"),
    "no shapes": (without("params"), "params"),
    "a state too many": (another_array("state.0.max_exp_avg_sq"), "max_exp_avg_sq"),
    "an array of no parameter": (another_array("state.2.exp_avg"), "state.2.exp_avg"),
    "an odd number": (another_array("state.00.exp_avg"), "state.00.exp_avg"),
    "an odd name": (another_array("../../state.0.exp_avg"), "exp_avg"),
    "an array in place of a count": (another_array("state.0.step"), "state.0.step"),
    "an array that is not named": (unlisted_array, "state.1.more"),
    "a missing array": (
        lambda _, arrays: arrays.__delitem__("state.1.exp_avg"),
        "state.1.exp_avg",
    ),
    "a state missing": (
        lambda metadata, arrays: (
            [each.pop("state.1.exp_avg") for each in (metadata["checksums"], arrays)] and None
        ),
        "parameter 'b'.*exp_avg",
    ),
    "swapped arrays": (swapped, "checksum"),
    "checksums as text": (
        lambda metadata, _: metadata.update(
            checksums={name: str(value) for name, value in metadata["checksums"].items()}
        ),
        "checksum",
    ),
    "checksums not a mapping": (setting("checksums", [1]), "checksums"),
    "a value changed": (
        lambda _, arrays: arrays["state.0.exp_avg"].__setitem__((0, 0), 5.0),
        "checksum of state.0.exp_avg",
    ),
    "another array's shape": (
        lambda _, arrays: arrays.update({"state.0.exp_avg": np.zeros((3, 2), np.float32)}),
        "header",
    ),
    "a huge array": (
        lambda _, arrays: arrays.update({"state.0.exp_avg": np.zeros(2_000_000, np.float32)}),
        "header|bytes",
    ),
    "metadata twice": (text('{"format"', '{"version": 1, "format"'), "once"),
    "deep metadata": (lambda *_: "[" * 100_000, "deep"),
    "metadata a list": (lambda *_: "[]", "mapping"),
    "metadata of nothing": (lambda *_: " ", "Expecting|JSON"),
    "metadata not JSON": (text("}", ""), "Expecting|delimiter"),
    "huge metadata": (lambda *_: "[" + " " * 2**24 + "]", "metadata has|file has|too long"),
}


@each_format
@pytest.mark.parametrize(("change", "match"), FORGED.values(), ids=list(FORGED))
def test_forged_files(
    change: Callable[[Metadata, Arrays], Any],
    match: str,
    suffix: str,
    saved: Path,
    tmp_path: Path,
) -> None:
    forge(tmp_path / f"run{suffix}", saved, change)
    refuses(tmp_path / f"run{suffix}", match)


@each_format
def test_a_forged_file_without_a_change_loads(suffix: str, saved: Path, tmp_path: Path) -> None:
    forge(tmp_path / f"run{suffix}", saved, lambda *_: None)
    optimizer = other_adam()
    optimizer.load(tmp_path / f"run{suffix}", params=True)
    reference = other_adam()
    reference.load(saved, params=True)
    assert_same(everything(optimizer), everything(reference))


@each_format
@pytest.mark.parametrize("name", ["w", "b"])
def test_parameters_that_are_damaged(name: str, suffix: str, saved: Path, tmp_path: Path) -> None:
    key = f"param.{'wb'.index(name)}"
    path = tmp_path / f"run{suffix}"
    forge(path, saved, lambda _, arrays: arrays[key].__setitem__(..., 2.5))
    optimizer = other_adam()
    before = everything(optimizer)
    with pytest.raises(instep.CheckpointError, match=f"checksum of {key}"):
        optimizer.load(path, params=True)
    assert_same(everything(optimizer), before)
    optimizer.load(path)  # they are not looked at


Members = list[tuple[str, bytes]]


def members_of(saved: Path) -> Members:
    with zipfile.ZipFile(saved) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def replaced(name: str, content: Callable[[], bytes]) -> Callable[[Members], Members]:
    return lambda members: [(each, content() if each == name else found) for each, found in members]


def spoiled(array: str, old: bytes, new: bytes) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        (content,) = [found for name, found in members if name == array]
        assert len(old) == len(new)
        assert content.count(old) == 1
        return replaced(array, lambda: content.replace(old, new))(members)

    return change


ARRAY = "state.0.exp_avg.npy"

ARCHIVES: dict[str, tuple[Callable[[Members], Members], str]] = {
    "pickled objects": (
        replaced(ARRAY, lambda: npy(np.array([[print] * 3] * 2, object))),
        "header",
    ),
    "integers": (replaced(ARRAY, lambda: npy(np.zeros((2, 3), np.int32))), "header"),
    "the other byte order": (
        replaced(ARRAY, lambda: npy(np.zeros((2, 3), ">f4"))),
        "header says.*>f4",
    ),
    "Fortran order": (
        replaced(ARRAY, lambda: npy(np.zeros((2, 3), "<f4", order="F"))),
        "header says.*True",
    ),
    "a shape of the same size": (spoiled(ARRAY, b"(2, 3)", b"(6,)  "), "header"),
    "a huge shape": (replaced(ARRAY, lambda: npy(np.zeros(0)).replace(b"(0,)", b"(9" * 2)), "head"),
    "no array": (replaced(ARRAY, lambda: b"x" * 200), "not an array"),
    "an empty member": (replaced(ARRAY, lambda: b""), "not an array"),
    "an array cut short": (
        replaced(ARRAY, lambda: npy(np.zeros((2, 3), "<f4"))[:-1]),
        "truncated",
    ),
    "an array with more": (
        replaced(ARRAY, lambda: npy(np.zeros((2, 3), "<f4")) + b"\0"),
        "too long",
    ),
    "a member twice": (lambda members: [*members, members[0]], "once"),
    "the metadata twice": (lambda members: [*members, members[-1]], "once"),
    "a member beside": (lambda members: [*members, ("readme.txt", b"")], "readme"),
    "no metadata": (lambda members: members[:-1], "metadata.json"),
    "metadata not text": (replaced("metadata.json", lambda: b"\xff\xfe"), "damaged"),
    "nothing": (lambda _: [], "metadata.json"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("change", "match"), ARCHIVES.values(), ids=list(ARCHIVES))
def test_archives(
    change: Callable[[Members], Members], match: str, saved: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run.npz"
    write_archive(path, change(members_of(saved)))
    refuses(path, match)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_archives(method: int, saved: Path, tmp_path: Path) -> None:
    """Among them bombs: files that would take a thousand times their size."""
    path = tmp_path / "run.npz"
    bomb = ("state.0.exp_avg.npy", npy(np.zeros(2**22)))
    write_archive(path, [bomb, *members_of(saved)[-1:]], compression=method)
    refuses(path, "compressed")


def test_an_archive_that_is_encrypted(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + flags] |= 1
    saved.write_bytes(content)
    refuses(saved, "encrypted")


@each_format
def test_huge_files(suffix: str, saved: Path, tmp_path: Path) -> None:
    """Of a terabyte, but for a few kilobytes a hole."""
    path = tmp_path / f"run{suffix}"
    forge(path, saved, lambda *_: None)
    with path.open("r+b") as file:
        file.truncate(2**40)
    refuses(path, "bytes")


TENSORS: dict[str, tuple[Callable[[dict[str, Any], bytes], tuple[Any, bytes]], str]] = {
    "bytes after the last": (lambda entries, data: (entries, data + b"\0"), "bytes"),
    "overlapping": (
        lambda entries, data: (
            entries | {"state.0.exp_avg": entries["state.0.exp_avg_sq"]},
            data,
        ),
        "without gaps",
    ),
    "a gap": (
        lambda entries, data: (
            {
                name: entry
                if name == "__metadata__"
                else entry | {"data_offsets": [8 + at for at in entry["data_offsets"]]}
                for name, entry in entries.items()
            },
            b"\0" * 8 + data,
        ),
        "without gaps",
    ),
    "places below 0": (
        lambda entries, data: (
            entries | {"state.0.exp_avg": entries["state.0.exp_avg"] | {"data_offsets": [-24, 0]}},
            data,
        ),
        "-24",
    ),
    "places that are truth": (
        lambda entries, data: (
            entries
            | {"state.0.exp_avg": entries["state.0.exp_avg"] | {"data_offsets": [False, 24]}},
            data,
        ),
        "False",
    ),
    "integers": (
        lambda entries, data: (
            entries | {"state.0.exp_avg": entries["state.0.exp_avg"] | {"dtype": "I32"}},
            data,
        ),
        "I32",
    ),
    "a dtype that is a list": (
        lambda entries, data: (
            entries | {"state.0.exp_avg": entries["state.0.exp_avg"] | {"dtype": []}},
            data,
        ),
        "place of an array",
    ),
    "an entry that is none": (lambda entries, data: (entries | {"x": 3}, data), "x: expected"),
    "no metadata": (lambda entries, data: (entries | {"__metadata__": {}}, data), "no metadata"),
    "metadata of another kind": (
        lambda entries, data: (entries | {"__metadata__": {"instep": 3}}, data),
        "no metadata",
    ),
    "metadata without its checksum": (
        lambda entries, data: (
            entries | {"__metadata__": {"instep": entries["__metadata__"]["instep"][9:]}},
            data,
        ),
        "checksum of the metadata",
    ),
    "surrogates": (
        lambda entries, data: (entries | {"__metadata__": {"instep": " \ud800"}}, data),
        "surrogates",
    ),
    "a list": (lambda *_: ("[]", b""), "no metadata"),
    "deep": (lambda *_: ("[" * 50_000, b""), "deep"),
    "a key twice": (
        lambda entries, data: (json.dumps(entries)[:-1] + ', "__metadata__": {}}', data),
        "once",
    ),
}


@pytest.mark.parametrize(("change", "match"), TENSORS.values(), ids=list(TENSORS))
def test_tensors(
    change: Callable[[dict[str, Any], bytes], tuple[Any, bytes]],
    match: str,
    saved: Path,
    tmp_path: Path,
) -> None:
    metadata, arrays = parts(saved)
    path = tmp_path / "run.safetensors"
    write_tensors(path, *change(*header(arrays, json.dumps(metadata))))
    refuses(path, match)
