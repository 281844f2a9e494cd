"""Every compiler, optimization level and processor gives the reference's bits."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.compare import assert_same_bits
from tests.platforms.builds import BUILDS, Build
from tests.platforms.requests import (
    Request,
    answers,
    conditions,
    elementary,
    exchanges,
    steps,
    storage,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cases import Array


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    return [*steps(), *conditions(), *storage(), *elementary(), *exchanges()]


def checksum(arrays: list[list[Array]]) -> str:
    """Return a digest of all bits, with zero for every NaN."""
    digest = hashlib.sha256()
    for array in (array for each in arrays for array in each):
        digest.update(np.where(np.isnan(array), array.dtype.type(0), array).tobytes())
    return digest.hexdigest()[:16]


@pytest.mark.builds
@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name)
def test_bits(build: Build, requests: list[Request], tmp_path: Path) -> None:
    if not build.is_installed:
        pytest.skip(f"needs cmake, {build.compiler} {' '.join(build.emulator[:1])}")
    command = build.make(tmp_path)
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "baseline" in listed
    for isa in listed:
        answered = answers([*command, isa], requests)
        for request, arrays in zip(requests, answered, strict=True):
            for array, expected in zip(arrays, request.expected, strict=True):
                assert_same_bits(array, expected, request.name)
        print(f"{build.name}, {isa}: {len(requests)} requests, {checksum(answered)}")
