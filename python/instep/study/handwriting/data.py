"""Handwritten digits to train and test on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from instep.commandline.errors import CommandError, require
from instep.study.handwriting import idx
from instep.study.sampling import train_and_test

if TYPE_CHECKING:
    from pathlib import Path

    from instep.study.sampling import Indices

Images: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True)
class LabelledImages:
    """Images (count, height, width, 1) with values from 0 to 1, and their labels 0 to 9."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | Indices) -> LabelledImages:
        return LabelledImages(self.images[index], self.labels[index])


@dataclass(frozen=True)
class Digits:
    """What to train on, what to test on, and where both came from."""

    source: str
    train: LabelledImages
    test: LabelledImages


def load(folder: Path | None, seed: int) -> Digits:
    """Return the digits in a folder of MNIST's files; without a folder, scikit-learn's."""
    return shipped_digits(seed) if folder is None else mnist_digits(folder, seed)


def shipped_digits(seed: int) -> Digits:
    """Return the 1797 digits of 8 by 8 pixels that ship inside scikit-learn."""
    require("sklearn", extra="study")
    from sklearn.datasets import load_digits

    digits = load_digits()
    part = _part(digits.images / 16.0, digits.target)
    return _split(part, "scikit-learn's digits", seed)


def mnist_digits(folder: Path, seed: int) -> Digits:
    """Return the digits in a folder of MNIST's files.

    With both of MNIST's parts, train and test are as they are there; one part alone is split.
    """
    if not folder.is_dir():
        fault = "is not a folder" if folder.exists() else "does not exist"
        raise CommandError(f"'{folder}' {fault}; --data takes the folder with MNIST's files")
    parts = [_mnist_part(folder, prefix) for prefix in ("train", "t10k")]
    train, test = parts
    if train is not None and test is not None:
        if train.images.shape[1:] != test.images.shape[1:]:
            sizes = ["{}x{}".format(*part.images.shape[1:3]) for part in (train, test)]
            raise CommandError(
                f"'{folder}': training images are {sizes[0]} and test images {sizes[1]} pixels; "
                "put files of one data set there"
            )
        return Digits("MNIST", train, test)
    part = train or test
    if part is None:
        raise CommandError(
            f"'{folder}' holds none of MNIST's files; put t10k-images-idx3-ubyte and "
            "t10k-labels-idx1-ubyte there, gzipped (.gz) or not, and the two of train if you like"
        )
    if len(part) < 2:
        raise CommandError(f"'{folder}': one image cannot be split into train and test")
    return _split(part, f"MNIST's {'train' if train else 't10k'} part", seed)


def _mnist_part(folder: Path, prefix: str) -> LabelledImages | None:
    paths = [_find(folder, f"{prefix}-{name}-ubyte") for name in ("images-idx3", "labels-idx1")]
    present = [path for path in paths if path.is_file()]
    if not present:
        return None
    if len(present) == 1:
        (missing,) = set(paths) - set(present)
        raise CommandError(
            f"'{folder}' holds {present[0].name} but not {missing.name}; "
            "put it there too, gzipped (.gz) or not"
        )
    images, labels = idx.read_images(paths[0]), idx.read_labels(paths[1])
    if len(images) != len(labels):
        raise CommandError(
            f"'{paths[0]}' holds {len(images)} images but '{paths[1].name}' {len(labels)} labels; "
            "put files of one data set there"
        )
    return _part(images / np.float32(255.0), labels)


def _find(folder: Path, name: str) -> Path:
    zipped = folder / f"{name}.gz"
    return zipped if zipped.is_file() and not (folder / name).is_file() else folder / name


def _part(images: NDArray[np.floating], labels: NDArray[np.integer]) -> LabelledImages:
    return LabelledImages(images[..., np.newaxis].astype(np.float32), labels.astype(np.int32))


def _split(part: LabelledImages, source: str, seed: int) -> Digits:
    train, test = train_and_test(len(part), np.random.default_rng(seed))
    return Digits(source, part[train], part[test])
