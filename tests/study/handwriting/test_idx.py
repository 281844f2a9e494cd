"""The IDX reader returns what a whole file holds and refuses every other file."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from instep.commandline.errors import CommandError
from instep.study.handwriting.idx import read_images, read_labels
from tests.study.handwriting.files import idx_bytes

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = idx_bytes(IMAGES)
ZIPPED = gzip.compress(WHOLE)
LABELS = idx_bytes(np.array([3, 9, 0], np.uint8))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_reads_what_was_written_whatever_its_name(tmp_path: Path, pack: type, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(pack(WHOLE))
    np.testing.assert_array_equal(read_images(path), IMAGES, strict=True)


@given(images=arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=5)))
def test_reads_images_of_every_size(
    tmp_path_factory: pytest.TempPathFactory, images: np.ndarray
) -> None:
    path = tmp_path_factory.getbasetemp() / "images"
    path.write_bytes(idx_bytes(images))
    np.testing.assert_array_equal(read_images(path), images, strict=True)


def test_reads_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_bytes(LABELS)
    np.testing.assert_array_equal(read_labels(path), np.array([3, 9, 0], np.uint8), strict=True)


DAMAGED_IMAGES = {
    "empty": (b"", "is not an IDX file"),
    "foreign": (b"\x89PNG\r\n\x1a\n" + bytes(40), "is not an IDX file"),
    "text": (b"<html>404 Not Found</html>", "is not an IDX file"),
    "half a magic": (WHOLE[:3], "is not an IDX file"),
    "floats": (b"\0\0\x0d\x03" + WHOLE[4:], "IDX type 0x0d, expected 0x08 (unsigned byte)"),
    "labels in their place": (LABELS, "has 1 dimension(s), expected 3 for images"),
    "half a header": (WHOLE[:10], "is truncated (10 bytes, expected 16)"),
    "a byte short": (WHOLE[:-1], "is truncated (39 bytes, expected 40)"),
    "header alone": (WHOLE[:16], "is truncated (16 bytes, expected 40)"),
    "a byte too many": (WHOLE + b"\0", "is too long (41 bytes, expected 40)"),
    "sizes past 64 bits": (
        WHOLE[:4] + b"\xff" * 12 + WHOLE[16:],
        f"is truncated (40 bytes, expected {16 + (2**32 - 1) ** 3})",
    ),
    "no images": (idx_bytes(IMAGES[:0]), "holds 0 images of 3 by 4 pixels"),
    "no pixels": (idx_bytes(IMAGES[:, :, :0]), "holds 2 images of 3 by 0 pixels"),
    "gzip cut short": (ZIPPED[:-9], "is a damaged gzip file"),
    "gzip cut in its header": (ZIPPED[:5], "is a damaged gzip file"),
    "gzip with a wrong checksum": (ZIPPED[:-8] + bytes(8), "is a damaged gzip file"),
    "gzip with foreign bytes inside": (ZIPPED[:10] + b"\xff" * 20, "is a damaged gzip file"),
    "gzip with bytes after its end": (ZIPPED + b"more", "is a damaged gzip file"),
    "gzip of a truncated file": (gzip.compress(WHOLE[:-1]), "is truncated (39 bytes, expected 40)"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED_IMAGES.values(), ids=list(DAMAGED_IMAGES))
def test_refuses_damaged_images(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(data)
    with pytest.raises(CommandError, match=re.escape(message)) as refusal:
        read_images(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@given(cut=st.integers(0, len(ZIPPED) - 1))
def test_refuses_a_gzipped_file_cut_anywhere(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "images.gz"
    path.write_bytes(ZIPPED[:cut])
    with pytest.raises(CommandError):
        read_images(path)


def test_refuses_a_label_that_is_no_digit(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_bytes(idx_bytes(np.array([9, 0, 10, 255], np.uint8)))
    with pytest.raises(CommandError, match="label 2 is 10, expected 0 to 9"):
        read_labels(path)


def test_refuses_images_in_place_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_bytes(WHOLE)
    with pytest.raises(CommandError, match=re.escape("has 3 dimension(s), expected 1 for labels")):
        read_labels(path)


@pytest.mark.parametrize("name", ["absent", "."])
def test_refuses_what_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match=r"^cannot read "):
        read_images(tmp_path / name)
