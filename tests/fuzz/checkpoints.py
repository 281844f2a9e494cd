"""Coverage-guided fuzzing of what is loaded as a checkpoint.

``python -m tests.fuzz.checkpoints tests/fuzz/corpus/checkpoints`` with atheris. The first byte of
an input tells the format. Whatever the bytes are: they are refused with `CheckpointError`, and the
optimizer is what it was, or they hold the very content of the files that the corpus begins with.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

import instep
from tests.api.model import assert_same, copied, params_of
from tests.cases import Array
from tests.fuzz.instrument import instrument_package

SUFFIXES = (".npz", ".safetensors")


def optimizer(steps: int) -> instep.Optimizer:
    """Return the optimizer that saved the first files, or one that has not stepped."""
    params: dict[str, Array] = {"w": np.ones((2, 3), np.float32), "b": np.zeros(2)}
    made = instep.Adam(params, lr=0.5, weight_decay=0.25)
    for _ in range(steps):
        made.step({name: np.full_like(param, 0.5) for name, param in params.items()})
    return made


def content(of: instep.Optimizer) -> list[object]:
    """Return all that a checkpoint decides."""
    return [of.state_dict(), copied(params_of(of)), of.skipped_steps]


def write_first_files(corpus: Path) -> None:
    """Write the files that fuzzing begins with."""
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for k, suffix in enumerate(SUFFIXES):
            path = Path(folder, f"file{suffix}")
            optimizer(3).save(path, params=True)
            (corpus / f"saved{suffix}").write_bytes(bytes([k]) + path.read_bytes())


def main() -> None:
    """Fuzz until an option of libFuzzer, or a failure, ends it."""
    write_first_files(Path(sys.argv[-1]))
    import instep.checkpoint.files
    import instep.checkpoint.npz
    import instep.checkpoint.safetensors

    folder = tempfile.TemporaryDirectory()
    paths = [Path(folder.name, f"fuzzed{suffix}") for suffix in SUFFIXES]
    saved, untouched, loading = content(optimizer(3)), content(optimizer(0)), optimizer(0)

    def load(data: bytes) -> None:
        nonlocal loading
        path = paths[data[0] % 2 if data else 0]
        path.write_bytes(data[1:])
        try:
            loading.load(path, params=True)
        except instep.CheckpointError:
            assert_same(content(loading), untouched)
        else:
            assert_same(content(loading), saved)
            loading = optimizer(0)

    instrument_package()
    atheris.Setup(sys.argv, load)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
