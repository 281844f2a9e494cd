"""Which images a folder gives to train and to test on."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest

from instep.commandline.errors import CommandError, MissingExtraError
from instep.study.handwriting.data import LabelledImages, load, mnist_digits
from tests.study.handwriting.files import IMAGES, LABELS, TRAIN_IMAGES, TRAIN_LABELS, digits, write

if TYPE_CHECKING:
    from pathlib import Path


def train_digits(count: int, **size: int) -> dict[str, np.ndarray]:
    files = digits(count, **size)
    return {TRAIN_IMAGES: files[IMAGES], TRAIN_LABELS: files[LABELS]}


def pixels(part: LabelledImages) -> np.ndarray:
    """Return the images as the bytes that they were in their file."""
    return np.rint(part.images[..., 0] * 255).astype(np.uint8)


def rows(part: LabelledImages) -> list[bytes]:
    return sorted(
        bytes([label]) + image.tobytes()
        for label, image in zip(part.labels, pixels(part), strict=True)
    )


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
def test_four_files_are_train_and_test_as_they_are(tmp_path: Path, zipped: bool) -> None:
    train, test = train_digits(7), digits(4)
    loaded = mnist_digits(write(tmp_path, {**train, **test}, zipped=zipped), seed=0)
    for part, images, labels in (
        (loaded.train, train[TRAIN_IMAGES], train[TRAIN_LABELS]),
        (loaded.test, test[IMAGES], test[LABELS]),
    ):
        np.testing.assert_array_equal(pixels(part), images)
        np.testing.assert_array_equal(part.labels, labels)


@pytest.mark.parametrize("pair", [digits, train_digits])
@pytest.mark.parametrize(("count", "tested"), [(2, 1), (9, 1), (10, 2), (50, 10)])
def test_one_pair_is_split(tmp_path: Path, pair: type, count: int, tested: int) -> None:
    files = pair(count)
    loaded = mnist_digits(write(tmp_path, files), seed=0)
    assert (len(loaded.train), len(loaded.test)) == (count - tested, tested)
    images, labels = files.values()
    whole = LabelledImages((images / np.float32(255))[..., np.newaxis], labels.astype(np.int32))
    assert sorted(rows(loaded.train) + rows(loaded.test)) == rows(whole)


def test_the_seed_decides_the_split(tmp_path: Path) -> None:
    folder = write(tmp_path, digits(50))
    first, again, other = (mnist_digits(folder, seed).test for seed in (1, 1, 2))
    assert rows(first) == rows(again)
    assert rows(first) != rows(other)


def test_images_are_single_precision_from_0_to_1_with_one_channel(tmp_path: Path) -> None:
    images = np.array([[[0, 255]], [[51, 102]]], np.uint8)
    files = {IMAGES: images, LABELS: np.zeros(2, np.uint8)}
    part = mnist_digits(write(tmp_path, {**files, **train_digits(2, height=1, width=2)}), 0).test
    assert part.images.dtype == np.float32
    assert part.labels.dtype == np.int32
    np.testing.assert_array_equal(
        part.images, np.array([[[[0], [1]]], [[[0.2], [0.4]]]], np.float32)
    )


def test_a_plain_file_goes_before_a_gzipped_one(tmp_path: Path) -> None:
    write(tmp_path, digits(4), zipped=True)
    write(tmp_path, digits(6))
    loaded = mnist_digits(tmp_path, seed=0)
    assert len(loaded.train) + len(loaded.test) == 6


REFUSED = {
    "nothing": ({}, "holds none of MNIST's files"),
    "images without labels": (
        {IMAGES: digits(4)[IMAGES]},
        f"holds {IMAGES} but not {LABELS}",
    ),
    "labels without images": (
        {LABELS: digits(4)[LABELS]},
        f"holds {LABELS} but not {IMAGES}",
    ),
    "three of four": (
        {**digits(4), TRAIN_IMAGES: digits(4)[IMAGES]},
        f"holds {TRAIN_IMAGES} but not {TRAIN_LABELS}",
    ),
    "more images than labels": (
        {IMAGES: digits(4)[IMAGES], LABELS: digits(3)[LABELS]},
        f"holds 4 images but '{LABELS}' 3 labels",
    ),
    "parts of different sizes": (
        {**digits(4), **train_digits(4, height=5, width=6)},
        "training images are 5x6 and test images 9x7 pixels",
    ),
    "one image": (digits(1), "one image cannot be split"),
}


@pytest.mark.parametrize(("files", "message"), REFUSED.values(), ids=list(REFUSED))
def test_refuses_a_folder(tmp_path: Path, files: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(CommandError, match=message) as refusal:
        mnist_digits(write(tmp_path, files), seed=0)
    assert str(tmp_path) in str(refusal.value)


@pytest.mark.parametrize(("name", "message"), [("absent", "does not exist"), ("file", "is not a")])
def test_refuses_what_is_no_folder(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=message):
        mnist_digits(tmp_path / name, seed=0)


def test_without_a_folder_the_digits_are_those_of_scikit_learn() -> None:
    loaded = load(None, seed=0)
    assert (len(loaded.train), len(loaded.test)) == (1438, 359)
    assert loaded.train.images.shape[1:] == (8, 8, 1)
    assert loaded.source == "scikit-learn's digits"


def test_only_without_a_folder_scikit_learn_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "sklearn" else find(name)
    )
    with pytest.raises(MissingExtraError, match="sklearn"):
        load(None, seed=0)
    assert load(write(tmp_path, digits(10)), seed=0).source == "MNIST's t10k part"
