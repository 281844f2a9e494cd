"""Coverage-guided fuzzing of what is loaded as a checkpoint.

``python -m tests.fuzz.checkpoints tests/fuzz/corpus/checkpoints`` with atheris. The first byte of
an input tells the format, and whether the optimizer stores in 16 bits. Whatever the bytes are: they
are refused with `CheckpointError`, and the optimizer is what it was, or they hold the very content
of the files that the corpus begins with.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

import atheris
import ml_dtypes
import numpy as np

import instep
from instep.storage import StorageOptions
from tests.api.model import assert_same, copied, params_of
from tests.cases import Array
from tests.fuzz.instrument import instrument_package

SUFFIXES = (".npz", ".safetensors")
STORED = ("wide", "narrow")


def optimizer(steps: int, narrow: bool) -> instep.Optimizer:
    """Return the optimizer that saved the first files, or one that has not stepped."""
    dtype = np.dtype(ml_dtypes.bfloat16 if narrow else np.float32)
    params: dict[str, Array] = {"w": np.ones((2, 3), dtype), "b": np.zeros(2)}
    storage = StorageOptions(state_dtype=dtype, master_weight_bits=32 if narrow else None)
    made = instep.Adam(params, lr=0.5, weight_decay=0.25, **storage)
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
        for k, (stored, suffix) in enumerate(itertools.product(STORED, SUFFIXES)):
            path = Path(folder, f"file{suffix}")
            optimizer(3, stored == "narrow").save(path, params=True)
            (corpus / f"{stored}{suffix}").write_bytes(bytes([k]) + path.read_bytes())


def main() -> None:
    """Fuzz until an option of libFuzzer, or a failure, ends it."""
    write_first_files(Path(sys.argv[-1]))
    import instep.checkpoint.files
    import instep.checkpoint.npz
    import instep.checkpoint.safetensors

    folder = tempfile.TemporaryDirectory()
    paths = [Path(folder.name, f"fuzzed{suffix}") for suffix in SUFFIXES]
    saved, untouched = (
        [content(optimizer(steps, narrow)) for narrow in (False, True)] for steps in (3, 0)
    )
    loading = [optimizer(0, narrow) for narrow in (False, True)]

    def load(data: bytes) -> None:
        narrow, suffix = divmod(data[0] % 4 if data else 0, 2)
        path = paths[suffix]
        path.write_bytes(data[1:])
        try:
            loading[narrow].load(path, params=True)
        except instep.CheckpointError:
            assert_same(content(loading[narrow]), untouched[narrow])
        else:
            assert_same(content(loading[narrow]), saved[narrow])
            loading[narrow] = optimizer(0, bool(narrow))

    instrument_package()
    atheris.Setup(sys.argv, load)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
