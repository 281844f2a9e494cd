"""Files that are refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

import instep
from tests.api.model import assert_same
from tests.trust.made import FORMATS, assert_goes_on_like, everything, other_adam, saved_adam

each_format = pytest.mark.parametrize("suffix", FORMATS)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved.npz"
    saved_adam(path)
    return path


def refuses(path: Path, match: str) -> None:
    """Assert that the file is refused with everything as it was, and without much memory."""
    optimizer, twin = other_adam(), other_adam()
    before = everything(optimizer)
    for with_params in (False, True):
        tracemalloc.start()
        try:
            with pytest.raises(instep.CheckpointError, match=match) as caught:
                optimizer.load(path, params=with_params)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert str(caught.value).startswith(f"{path}: ")
        assert peak < 24 * 2**20
        assert_same(everything(optimizer), before)
    assert_goes_on_like(optimizer, twin)
