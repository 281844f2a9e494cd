"""Tiny data sets in MNIST's own format."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Spell an array of unsigned bytes in the IDX format."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 0x08, array.ndim]) + sizes + array.tobytes()


def write(folder: Path, files: dict[str, NDArray[np.uint8]], *, zipped: bool = False) -> Path:
    """Write arrays as IDX files of these names, with .gz appended when zipped."""
    folder.mkdir(exist_ok=True)
    for name, array in files.items():
        data = idx_bytes(array)
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)
    return folder


def digits(count: int, height: int = 9, width: int = 7) -> dict[str, NDArray[np.uint8]]:
    """Return easy images: a bright bar whose place tells the label, in noise."""
    generator = np.random.default_rng(count)
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = generator.integers(0, 60, (count, height, width), np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, right = label // 2 % height, label % 2
        half = slice(width // 2, None) if right else slice(0, max(1, width // 2))
        image[row, half] = 255
    return {IMAGES: images, LABELS: labels}
