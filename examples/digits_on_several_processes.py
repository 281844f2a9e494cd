"""Train a network on handwritten digits, on four processes or on one, with the same bits.

``mpiexec -n 4 python -m mpi4py examples/digits_on_several_processes.py``, or without the first
four words. Each of the four has a quarter of each batch. A process alone computes the gradients of
the quarters one after another, and their mean as `instep.mpi.Sharded` does with
``reduction="ordered"``: added up in the order of ranks, in the parameter's type, and multiplied by
1/4. A sum in another order, as that of the whole batch in one matrix product, has other roundings.
"""

import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import instep.mpi

Array = NDArray[np.float32]

PARTS, EPOCHS, BATCH = 4, 15, 128


def initial_weights() -> dict[str, Array]:
    """Draw them, the same on every process."""
    rng = np.random.default_rng(0)
    first = rng.normal(0, 1 / 8, (64, 96)).astype(np.float32)
    second = rng.normal(0, 1 / 10, (96, 10)).astype(np.float32)
    return {
        "first": first,
        "first bias": np.zeros(96, np.float32),
        "second": second,
        "second bias": np.zeros(10, np.float32),
    }


def hidden(weights: Mapping[str, Array], images: Array) -> Array:
    """Return what the first layer makes of images."""
    active: Array = np.maximum(images @ weights["first"] + weights["first bias"], 0)
    return active


def gradients(
    weights: Mapping[str, Array], images: Array, targets: NDArray[np.int64]
) -> Iterator[tuple[str, Array]]:
    """Give the gradient of the mean cross-entropy by each weight, the last layer's first."""
    active = hidden(weights, images)
    scores = active @ weights["second"] + weights["second bias"]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    error = odds / odds.sum(axis=1, keepdims=True)
    error[np.arange(len(targets)), targets] -= 1
    error /= np.float32(len(targets))
    yield "second bias", error.sum(axis=0)
    yield "second", active.T @ error
    error = error @ weights["second"].T * (active > 0)
    yield "first bias", error.sum(axis=0)
    yield "first", images.T @ error


def quarters(epoch: int, n: int) -> Iterator[list[NDArray[np.int64]]]:
    """Give for each batch what each of the four has of it, the same on every process."""
    order = np.random.default_rng([1, epoch]).permutation(n)
    for begin in range(0, n - BATCH + 1, BATCH):
        yield np.split(order[begin : begin + BATCH], PARTS)


def train(images: Array, targets: NDArray[np.int64]) -> dict[str, Array]:
    """Return the weights, which every process has."""
    comm = MPI.COMM_WORLD
    if comm.size not in (1, PARTS):
        raise SystemExit(f"expected 1 or {PARTS} processes, got {comm.size}")
    weights = initial_weights()
    optimizer = instep.mpi.Sharded(instep.Adam, weights, comm=comm, lr=5e-3, clip_norm=1.0)
    for epoch in range(EPOCHS):
        for parts in quarters(epoch, len(images)):
            if comm.size == PARTS:
                own = parts[comm.rank]
                for name, grad in gradients(weights, images[own], targets[own]):
                    optimizer.reduce(name, grad)  # the layer before is computed meanwhile
                optimizer.step()
            else:
                first, *others = (dict(gradients(weights, images[k], targets[k])) for k in parts)
                for grads in others:
                    for name, total in first.items():
                        total += grads[name]
                optimizer.step(
                    {name: total * np.float32(1 / PARTS) for name, total in first.items()}
                )
    return weights


def main() -> None:
    """Train, and print how good the weights are, and which."""
    digits = load_digits()
    images = (digits.data / 16).astype(np.float32)
    weights = train(images[:1500], digits.target[:1500])
    scores = hidden(weights, images[1500:]) @ weights["second"] + weights["second bias"]
    accuracy = np.mean(scores.argmax(axis=1) == digits.target[1500:])
    if MPI.COMM_WORLD.rank == 0:
        bits = zlib.crc32(b"".join(weight.tobytes() for weight in weights.values()))
        print(f"accuracy {accuracy:.1%}, bits of the weights {bits:08x}")


if __name__ == "__main__":
    main()
