"""A model of thinc, stepped by instep in place of thinc's own optimizer.

A model's ``finish_update`` takes any callable that is given a parameter's key, its weights and its
gradient, and returns the two: thinc's public protocol for optimizers. `InstepAdam` and `InstepSGD`
are such callables, with the formulas and the options of ``thinc.api.Adam`` and ``thinc.api.SGD``
without L2 and averages.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from thinc.api import Adam, Model, Relu, Softmax, chain, fix_random_seed

import instep

Array = NDArray[np.float32]


class InstepOptimizer:
    """An optimizer of thinc whose steps are instep's.

    thinc shows parameters one after the other, and clips the gradient of each on its own.
    """

    averages = None

    def __init__(self, keyed: instep.Keyed, learn_rate: float, grad_clip: float) -> None:
        self.keyed = keyed
        self.learn_rate = learn_rate
        self.grad_clip = grad_clip

    def __call__(
        self, key: tuple[int, str], weights: Array, gradient: Array, *, lr_scale: float = 1.0
    ) -> tuple[Array, Array]:
        """Step the weights, in place, and leave zeros in the gradient, as thinc expects."""
        scale = 1.0
        if self.grad_clip:
            norm = float(np.linalg.norm(gradient))
            if norm >= self.grad_clip:
                scale = norm / self.grad_clip
        self.keyed.step(key, weights, gradient, self.learn_rate * lr_scale, grad_scale=scale)
        gradient.fill(0.0)
        return weights, gradient

    def step_schedules(self) -> None:
        """Do nothing: set `learn_rate` instead."""


class InstepAdam(InstepOptimizer):
    """``thinc.api.Adam(..., use_averages=False)``."""

    def __init__(
        self,
        learn_rate: float = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        grad_clip: float = 1.0,
    ) -> None:
        keyed = instep.Keyed(instep.Adam, betas=(beta1, beta2), eps=eps, eps_hat=True)
        super().__init__(keyed, learn_rate, grad_clip)


class InstepSGD(InstepOptimizer):
    """``thinc.api.SGD(..., use_averages=False)``."""

    def __init__(self, learn_rate: float, *, grad_clip: float = 1.0) -> None:
        super().__init__(instep.Keyed(instep.SGD), learn_rate, grad_clip)


def train(optimizer: Callable[..., Any], x: Array, y: Array, epochs: int = 10) -> Model[Any, Any]:
    """Return a model of digits that was trained with this optimizer."""
    fix_random_seed(0)
    model = chain(Relu(nO=128), Relu(nO=64), Softmax())
    model.initialize(x, y)
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 32):
            guesses, backprop = model.begin_update(x[batch])
            backprop((guesses - y[batch]) / len(batch))
            model.finish_update(optimizer)
    return model


def main(repeats: int = 3) -> float:
    """Train with both optimizers in turn, print how it goes, and return the accuracy."""
    images, digits = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(
        (images / 16).astype(np.float32), digits, test_size=0.2, random_state=0
    )
    y = np.eye(10, dtype=np.float32)[y]
    contenders: dict[str, Callable[[], Any]] = {
        "thinc": lambda: Adam(0.001, use_averages=False),
        "instep": InstepAdam,
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, new_optimizer in contenders.items():
            start = time.perf_counter()
            model = train(new_optimizer(), x, y)
            seconds[name].append(time.perf_counter() - start)
            accuracy = float(np.mean(model.predict(x_test).argmax(axis=1) == y_test))
            print(f"{name}: accuracy {accuracy:.1%}, {seconds[name][-1]:.3f} s")
    return accuracy


if __name__ == "__main__":
    main()
