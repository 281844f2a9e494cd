"""What the processes of a case have in common."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import instep

if TYPE_CHECKING:
    from instep.mpi import Sharded

Array: TypeAlias = NDArray[Any]

SHAPES = ((100, 130), (7,), (300, 64), (), (0, 3), (3, 5000))
"""Of several blocks, of one, of none; with rows of a part of a block, and with longer ones."""

TIMEOUT = 30.0


def sharded(cls: type[instep.Optimizer], params: Any, comm: Any, **options: Any) -> Sharded:
    """Make an optimizer; here alone the module is imported, as that initializes MPI."""
    from instep.mpi import Sharded

    return Sharded(cls, params, comm=comm, **{"timeout": TIMEOUT, **options})


def draw(rng: np.random.Generator, dtype: Any, shapes: Sequence[Any] = SHAPES) -> list[Array]:
    """Return arrays of random numbers, the same on every process that draws as often."""
    return [np.asarray(rng.standard_normal(shape), dtype) for shape in shapes]


def mean_of(grads: Sequence[Sequence[Array]], working: Any) -> list[Array]:
    """Return the mean of each gradient over the processes: added up in their order."""
    means = []
    with np.errstate(all="ignore"):
        for each in zip(*grads, strict=True):
            total = each[0].astype(working)
            for grad in each[1:]:
                total = total + grad.astype(working)
            means.append(np.asarray(total * (1.0 / len(grads)), working))
    return means


def assert_same_bits(found: Sequence[Array], expected: Sequence[Array]) -> None:
    for k, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert one.tobytes() == other.tobytes(), f"parameter {k}"


LAYOUTS: tuple[Callable[[Array], Array], ...] = (
    lambda array: array.copy(),
    lambda array: np.array(array, order="F"),
    lambda array: np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array.copy(),
    lambda array: array[::-1].copy()[::-1] if array.ndim else array.copy(),
)
"""In each a copy of an array."""


@contextmanager
def common_folder(comm: Any) -> Iterator[Path]:
    """Give an empty folder that all processes see."""
    path = Path(comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None))
    yield path
    comm.Barrier()
    if comm.rank == 0:
        shutil.rmtree(path)


@contextmanager
def raised_alike(comm: Any, kind: type[Exception], *words: str) -> Iterator[None]:
    """Expect the same error of this kind, with these words, on every process."""
    try:
        yield
    except kind as error:
        text = f"{type(error).__name__}: {error}"
    else:
        text = "nothing was raised"
    texts = comm.allgather(text)
    assert set(texts) == {text}, texts
    for word in words:
        assert word in text, f"{word!r} not in {text!r}"


def refused_alike(comm: Any, *words: str) -> AbstractContextManager[None]:
    """Expect the same ValueError with these words on every process."""
    return raised_alike(comm, ValueError, *words)
