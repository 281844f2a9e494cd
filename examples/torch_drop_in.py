"""The drop-in for PyTorch at work: the same training, torch's optimizers and instep's in turn.

A network of three layers learns handwritten digits of 8 × 8 pixels. Each optimizer trains a network
of its own from the same weights with the same batches. They take turns step by step, so that
whatever else the machine does disturbs all alike; what is timed is `optimizer.step()`. All on one
thread, as the network is too small to be divided.
"""

import statistics
import time
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits

import instep.interop.torch

RULES = {
    "RMSprop": {"lr": 1e-3},
    "Adadelta": {"lr": 1.0},
    "SGD": {"lr": 0.1},
}
STEPS = 300
BATCH = 64


class Result(NamedTuple):
    """What an optimizer took and reached."""

    rule: str
    optimizer: str
    microseconds: float
    loss: float


def make_network() -> torch.nn.Module:
    """Return a network with its initial weights, the same each time."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(64, 128),
        torch.nn.ReLU(),
        torch.nn.Linear(128, 128),
        torch.nn.ReLU(),
        torch.nn.Linear(128, 10),
    )


def train(rule: str, images: torch.Tensor, digits: torch.Tensor) -> list[Result]:
    """Train by torch's two implementations and by instep, and return what each took."""
    options = RULES[rule]
    networks = [make_network() for _ in range(3)]
    optimizers = {
        "torch.optim": getattr(torch.optim, rule)(networks[0].parameters(), **options),
        "torch.optim, foreach": getattr(torch.optim, rule)(
            networks[1].parameters(), foreach=True, **options
        ),
        "instep": getattr(instep.interop.torch, rule)(networks[2].parameters(), **options),
    }
    times: dict[str, list[float]] = {name: [] for name in optimizers}
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        batch = torch.randint(len(images), (BATCH,), generator=generator)
        for (name, optimizer), network in zip(optimizers.items(), networks, strict=True):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(images[batch]), digits[batch]).backward()
            begin = time.perf_counter()
            optimizer.step()
            times[name].append(time.perf_counter() - begin)
    results = []
    with torch.no_grad():
        for name, network in zip(optimizers, networks, strict=True):
            loss = torch.nn.functional.cross_entropy(network(images), digits).item()
            results.append(Result(rule, name, 1e6 * statistics.median(times[name]), loss))
    return results


def main() -> list[Result]:
    """Train by each rule, print a table, and return its rows."""
    images, digits = load_digits(return_X_y=True)
    inputs, targets = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        results = [result for rule in RULES for result in train(rule, inputs, targets)]
    finally:
        torch.set_num_threads(threads)
    print(f"{'rule':<10}{'optimizer':<22}{'median step':>13}{'loss':>11}")
    for result in results:
        print(
            f"{result.rule:<10}{result.optimizer:<22}"
            f"{result.microseconds:>10,.0f} µs{result.loss:>11.6f}"
        )
    return results


if __name__ == "__main__":
    main()
