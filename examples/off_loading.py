"""Off-loading: a bfloat16 model on a device, its float32 masters and the optimizer's states here.

A network learns handwritten digits of 8 × 8 pixels. The device holds what forward and backward
passes need, weights and gradients of 2 bytes an element. What the step alone needs, masters and two
states of 4 bytes each, lies in the host's memory. A step takes the gradients in bfloat16 as they
come, and leaves the stepped masters, rounded, in `copies` in the same pass, which go back to the
device.

On a CPU alone, the CPU is the device too. What is there for a GPU has a comment that says so.
"""

import statistics
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import instep

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
STEPS = 300
BATCH = 64


class Result(NamedTuple):
    """What came of a training, the bytes of what it needs, and the seconds of each step's parts."""

    losses: list[float]
    weights: dict[str, Any]
    masters: dict[str, NDArray[np.float32]]
    sizes: dict[str, int]
    seconds: dict[str, list[float]]


def make_buffers(weights: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return a bfloat16 tensor on the host for each weight."""
    return {
        # GPU: to and from memory that is not pinned, no transfer is non-blocking.
        name: torch.empty(weight.shape, dtype=torch.bfloat16, pin_memory=GPU)
        for name, weight in weights.items()
    }


def as_arrays(tensors: dict[str, torch.Tensor]) -> dict[str, NDArray[Any]]:
    """Return the same memory as NumPy's arrays, of a torch before 2.10, too.

    Tensors of newer ones may be passed as they are.
    """
    return {
        name: tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
        for name, tensor in tensors.items()
    }


def bytes_of(arrays: Iterable[Any]) -> int:
    """Return the bytes of arrays or tensors together."""
    return sum(array.nbytes for array in arrays)


def train(images: torch.Tensor, digits: torch.Tensor) -> Result:
    """Train with the model on the device, and masters and states on the host."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 512),
        torch.nn.ReLU(),
        torch.nn.Linear(512, 512),
        torch.nn.ReLU(),
        torch.nn.Linear(512, 10),
    )
    masters = {name: weight.detach().numpy().copy() for name, weight in model.named_parameters()}
    model.to(DEVICE, torch.bfloat16)
    weights: dict[str, Any] = dict(model.named_parameters())

    gradients, copies = make_buffers(weights), make_buffers(weights)
    gradient_arrays = as_arrays(gradients)
    optimizer = instep.AdamW(masters, lr=1e-3, clip_norm=1.0, copies=as_arrays(copies))

    losses = []
    seconds: dict[str, list[float]] = {"gradients to the host": [], "step": [], "copies back": []}
    for _ in range(STEPS):
        batch = torch.randint(len(images), (BATCH,))
        scores = model(images[batch].to(DEVICE, torch.bfloat16)).float()
        loss = torch.nn.functional.cross_entropy(scores, digits[batch].to(DEVICE))
        model.zero_grad()
        loss.backward()
        losses.append(loss.item())

        times = [time.perf_counter()]
        for name, weight in weights.items():
            gradients[name].copy_(weight.grad, non_blocking=True)
        if GPU:
            torch.cuda.synchronize()  # gradients have come, and the last step's copies have left
        times.append(time.perf_counter())
        optimizer.step(gradient_arrays)
        times.append(time.perf_counter())
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(copies[name], non_blocking=True)  # GPU: the next forward pass waits
        times.append(time.perf_counter())
        for part, begin, end in zip(seconds, times[:-1], times[1:], strict=True):
            seconds[part].append(end - begin)

    states = optimizer.state_dict()["state"].values()
    sizes = {
        "device: weights": bytes_of(weights.values()),
        "device: gradients": bytes_of(weight.grad for weight in weights.values()),
        "host: masters": bytes_of(masters.values()),
        "host: states": sum(bytes_of((each["exp_avg"], each["exp_avg_sq"])) for each in states),
        "host: buffers": bytes_of(gradients.values()) + bytes_of(copies.values()),
    }
    return Result(losses, weights, masters, sizes, seconds)


def main() -> Result:
    """Train, print how it goes, and return what came of it."""
    images, digits = load_digits(return_X_y=True)
    result = train(torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits))
    for step in (1, 10, 100, STEPS):
        print(f"{f'loss of step {step}':<22}{result.losses[step - 1]:>10.3f}")
    for name, size in result.sizes.items():
        print(f"{name:<22}{size:>10,} bytes")
    for part, seconds in result.seconds.items():
        print(f"{part:<22}{1e6 * statistics.median(seconds):>10,.0f} µs")
    return result


if __name__ == "__main__":
    main()
