"""Where the step is the bottleneck of a training, and where it is not.

Each workload trains by its usual optimizer and by instep's, in turn, and prints what an iteration
took in all and how much of that was the optimizer's step. Workloads whose libraries are not
installed are left out with a word. The data are random: there is nothing to learn, in the same
time.
"""

import copy
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from evolution_strategy import EvolutionStrategy, steps_balanced
from numpy.typing import NDArray

import instep

Array = NDArray[Any]


class Stopwatch:
    """Adds up the time that is spent inside of it, but for what it is told to leave out."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self.seconds -= time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.seconds += time.perf_counter()

    def including(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time added."""

        def timed(*args: Any) -> Any:
            with self:
                return function(*args)

        return timed

    def excluding(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time taken off."""

        def timed(*args: Any) -> Any:
            begin = time.perf_counter()
            result = function(*args)
            self.seconds -= time.perf_counter() - begin
            return result

        return timed


Side = Callable[[Stopwatch], Any]
"""Takes one iteration, or as many as `Sides` says, with the steps inside of the stopwatch."""


class Sides(NamedTuple):
    """A workload: with its usual optimizer, and with instep's."""

    usual: Side
    instep: Side
    iterations: int = 1


class Times(NamedTuple):
    """Median seconds of an iteration, and of the step in it."""

    iteration: float
    step: float


def measure(sides: Sides, seconds: float) -> tuple[Times, Times]:
    """Let the two sides take turns for so many seconds, once at least."""
    pair = (sides.usual, sides.instep)
    for side in pair:
        side(Stopwatch())  # compiles what is compiled, and makes the states
    taken: tuple[list[Times], list[Times]] = ([], [])
    end = time.perf_counter() + seconds
    for order in cycle([(0, 1), (1, 0)]):
        for which in order:
            watch = Stopwatch()
            begin = time.perf_counter()
            pair[which](watch)
            taken[which].append(Times(time.perf_counter() - begin, watch.seconds))
        if time.perf_counter() >= end:
            break
    usual, ours = (
        Times(*(statistics.median(column) / sides.iterations for column in zip(*each, strict=True)))
        for each in taken
    )
    if usual.step == 0:  # compiled with the gradient: it is what that takes beyond the gradient
        usual = usual._replace(step=usual.iteration - (ours.iteration - ours.step))
    return usual, ours


def batches(inputs: Array, labels: Array, size: int) -> Iterator[tuple[Array, Array]]:
    """Return random batches without end, the same each time."""
    rng = np.random.default_rng(0)
    while True:
        chosen = rng.integers(len(inputs), size=size)
        yield inputs[chosen], labels[chosen]


def images(pixels: int, count: int = 2000) -> tuple[Array, Array]:
    """Return what could be images, and which of 10 classes they belong to."""
    rng = np.random.default_rng(0)
    return rng.random((count, pixels), np.float32), rng.integers(10, size=count)


def torch_network(*widths: int, **options: Any) -> Sides:
    """Train a classifier with linear layers of these widths."""
    import torch

    import instep.interop.torch

    def side(make: Any) -> Side:
        torch.manual_seed(0)
        layers: list[Any] = []
        for shape in pairwise(widths):
            layers += [torch.nn.Linear(*shape), torch.nn.ReLU()]
        network = torch.nn.Sequential(*layers[:-1])
        optimizer = make(network.parameters())
        stream = batches(*images(widths[0]), 64)

        def iterate(watch: Stopwatch) -> None:
            inputs, labels = map(torch.from_numpy, next(stream))
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(inputs), labels).backward()
            with watch:
                optimizer.step()

        return iterate

    return Sides(side(partial(torch.optim.Adam, **options)), side(instep.interop.torch.Adam))


def word_vectors(rule: str, *, sparse: bool) -> Sides:
    """Train two tables of vectors by skip-grams: to know a word's neighbour among 6 words.

    instep's side has gradients of rows, the usual side where it is `sparse`.
    """
    import torch

    import instep.interop.torch

    words, width, pairs = 50_000, 64, 256
    first = torch.zeros(pairs, dtype=torch.long)

    def side(library: Any, sparse: bool) -> Side:
        torch.manual_seed(0)
        centre = torch.nn.Embedding(words, width, sparse=sparse)
        context = torch.nn.Embedding(words, width, sparse=sparse)
        optimizer = getattr(library, rule)([centre.weight, context.weight])
        generator = torch.Generator().manual_seed(0)

        def iterate(watch: Stopwatch) -> None:
            word = torch.randint(words, (pairs, 1), generator=generator)
            others = torch.randint(words, (pairs, 6), generator=generator)
            optimizer.zero_grad()
            scores = (context(others) * centre(word)).sum(dim=-1)
            torch.nn.functional.cross_entropy(scores, first).backward()
            with watch:
                optimizer.step()

        return iterate

    return Sides(side(torch.optim, sparse), side(instep.interop.torch, True))


class NumpyAdam:
    """Adam with `maximize` and `eps_hat`, as it is often written in NumPy."""

    def __init__(self, weights: Array, lr: float) -> None:
        self.weights = weights
        self.lr = lr
        self.m = np.zeros_like(weights)
        self.v = np.zeros_like(weights)
        self.steps = 0

    def step(self, gradient: Array) -> None:
        """Move the weights to where the objective is larger."""
        self.steps += 1
        lr = self.lr * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        self.weights += lr * self.m / (np.sqrt(self.v) + 1e-8)


def evolution(objective: Callable[[Array], Any]) -> Sides:
    """Take generations of examples/evolution_strategy.py."""

    def side(make: Any) -> Side:
        mean = 0.5 * np.random.default_rng(1).standard_normal(48)
        strategy: Any = EvolutionStrategy(mean, lr=0.01, sigma=0.3, pairs=32)
        optimizer = make(mean)

        def iterate(watch: Stopwatch) -> None:
            strategy.optimizer = SimpleNamespace(step=watch.including(optimizer.step))
            strategy.step(objective)

        return iterate

    return Sides(
        side(partial(NumpyAdam, lr=0.01)),
        side(partial(instep.Adam, lr=0.01, eps_hat=True, maximize=True)),
    )


def squares(candidates: Array) -> Array:
    """Return a sum of squares for each candidate, negative."""
    scores: Array = -np.sum((candidates - 1) ** 2, axis=-1)
    return scores


class WatchedFit:
    """Mix-in of an estimator whose weights are updated inside of a stopwatch."""

    watch = Stopwatch()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "_optimizer":
            value.update_params = self.watch.including(value.update_params)


def sklearn_fit(*hidden: int) -> Sides:
    """Fit scikit-learn's classifier, and examples/sklearn_mlp.py's."""
    import sklearn.neural_network
    import sklearn_mlp

    epochs, batch_size = 5, 200
    inputs, labels = images(64)

    def side(estimator: Any) -> Side:
        model: Any = type("Classifier", (WatchedFit, estimator), {})(
            hidden_layer_sizes=hidden, max_iter=epochs, batch_size=batch_size, random_state=0
        )

        def iterate(watch: Stopwatch) -> None:
            model.watch = watch
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # so few epochs do not converge
                model.fit(inputs, labels)

        return iterate

    iterations = epochs * len(inputs) // batch_size
    theirs = sklearn.neural_network.MLPClassifier
    return Sides(side(theirs), side(sklearn_mlp.MLPClassifier), iterations)


def pennylane_circuit() -> Sides:
    """Train the angles of a simulated circuit of 4 qubits."""
    import pennylane as qml

    @qml.qnode(qml.device("default.qubit", wires=4))
    def energy(angles: Any) -> Any:
        qml.StronglyEntanglingLayers(angles, wires=range(4))
        return qml.expval(qml.PauliZ(0))

    shape = qml.StronglyEntanglingLayers.shape(n_layers=2, n_wires=4)
    start = np.random.default_rng(0).random(shape)
    ours = qml.numpy.array(start, requires_grad=True)
    gradient = qml.grad(energy)
    optimizer = instep.Adam(ours, lr=0.01, betas=(0.9, 0.99), eps_hat=True)

    def iterate(watch: Stopwatch) -> None:
        found = gradient(ours)
        with watch:
            optimizer.step(found)

    theirs = [qml.numpy.array(start, requires_grad=True)]
    usual = qml.AdamOptimizer(0.01)

    def iterate_usual(watch: Stopwatch) -> None:
        nonlocal theirs
        found, _ = usual.compute_grad(energy, theirs, {})
        with watch:
            theirs = usual.apply_grad(found, theirs)

    return Sides(iterate_usual, iterate)


def autograd_network() -> Sides:
    """Train a network of two layers by Autograd's gradients."""
    import autograd.misc.optimizers
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    iterations = 100
    inputs, labels = images(64, count=64)
    rng = np.random.default_rng(0)
    start = [
        {"w": rng.standard_normal(shape) / 8, "b": np.zeros(shape[1])}
        for shape in ((64, 128), (128, 128), (128, 10))
    ]

    def loss(params: Any, _: int) -> Any:
        first, second, last = params
        units = anp.tanh(inputs @ first["w"] + first["b"])
        units = anp.tanh(units @ second["w"] + second["b"])
        scores = units @ last["w"] + last["b"]
        right = scores[np.arange(len(labels)), labels]
        return anp.mean(logsumexp(scores, axis=1) - right)

    def adam(gradient: Callable[..., Any], params: Any, num_iters: int) -> Any:
        params = copy.deepcopy(params)
        optimizer = instep.Adam(instep.flatten(params), lr=0.001)
        for iteration in range(num_iters):
            optimizer.step(instep.flatten(gradient(params, iteration)))
        return params

    def side(minimize: Callable[..., Any]) -> Side:
        def iterate(watch: Stopwatch) -> None:
            with watch:
                minimize(watch.excluding(autograd.grad(loss)), start, num_iters=iterations)

        return iterate

    return Sides(side(autograd.misc.optimizers.adam), side(adam), iterations)


def jax_network() -> Sides:
    """Train a classifier of JAX, on the usual side with the step compiled into the iteration."""
    import jax
    import jax.numpy as jnp
    import optax

    rng = np.random.default_rng(0)
    start = [
        {"w": rng.standard_normal(shape, np.float32) / 8, "b": np.zeros(shape[1], np.float32)}
        for shape in ((64, 128), (128, 128), (128, 10))
    ]

    def loss(params: Any, inputs: Any, labels: Any) -> Any:
        *hidden, last = params
        for layer in hidden:
            inputs = jax.nn.relu(inputs @ layer["w"] + layer["b"])
        scores = inputs @ last["w"] + last["b"]
        return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

    adam = optax.adam(0.001)

    @partial(jax.jit, donate_argnums=(0, 1))
    def train(params: Any, state: Any, inputs: Any, labels: Any) -> Any:
        updates, state = adam.update(jax.grad(loss)(params, inputs, labels), state)
        return optax.apply_updates(params, updates), state

    theirs = jax.tree.map(jnp.array, start)
    state = adam.init(theirs)
    stream_of_theirs = batches(*images(64), 64)

    def iterate_usual(_: Stopwatch) -> None:
        nonlocal theirs, state
        theirs, state = jax.block_until_ready(train(theirs, state, *next(stream_of_theirs)))

    gradient = jax.jit(jax.grad(loss))
    optimizer = instep.Adam(jax.tree.leaves(start), lr=0.001)
    stream = batches(*images(64), 64)

    def iterate(watch: Stopwatch) -> None:
        found = jax.block_until_ready(gradient(start, *next(stream)))
        with watch:
            optimizer.step([np.asarray(leaf) for leaf in jax.tree.leaves(found)])

    return Sides(iterate_usual, iterate)


class Workload(NamedTuple):
    """What trains what, and how to make its two sides."""

    training: str
    usual: str
    make: Callable[[], Sides]


WORKLOADS = [
    Workload(
        "word vectors, torch", "`Adam`, dense gradient", partial(word_vectors, "Adam", sparse=False)
    ),
    Workload(
        "word vectors, torch", "`SparseAdam`", partial(word_vectors, "SparseAdam", sparse=True)
    ),
    Workload("small network, torch", "`Adam`", partial(torch_network, 64, 128, 128, 10)),
    Workload("small network, Autograd", "`adam`", autograd_network),
    Workload("100 units, scikit-learn", "`adam`", partial(sklearn_fit, 100)),
    Workload("500 and 500 units, scikit-learn", "`adam`", partial(sklearn_fit, 500, 500)),
    Workload("evolution on a formula", "Adam in NumPy", partial(evolution, squares)),
    Workload(
        "evolution on a simulation",
        "Adam in NumPy",
        partial(evolution, partial(steps_balanced, starts=np.full((1, 4), 0.01))),
    ),
    Workload("circuit of 4 qubits, PennyLane", "`AdamOptimizer`", pennylane_circuit),
    Workload(
        "large network, torch",
        "`Adam(fused=True)`",
        partial(torch_network, 1024, 2048, 2048, 2048, 10, fused=True),
    ),
    Workload("small network, JAX", "`optax.adam`, jitted", jax_network),
]


def cells(times: Times) -> str:
    """Return two cells of the table."""
    return f"{1e3 * times.iteration:.3g} ms | {100 * times.step / times.iteration:.1f} %"


def main(seconds: float = 10.0) -> list[tuple[Workload, Times, Times]]:
    """Measure each workload for so long, print a table and what is missing, return the rows."""
    print("| training | usual optimizer | iteration | its step | with instep | its step | × |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    rows = []
    missing = []
    for workload in WORKLOADS:
        try:
            sides = workload.make()
        except ModuleNotFoundError as error:
            missing.append(f"{workload.training}: {error.name} is not installed")
            continue
        usual, ours = measure(sides, seconds)
        rows.append((workload, usual, ours))
        print(
            f"| {workload.training} | {workload.usual} | {cells(usual)} | {cells(ours)} "
            f"| {usual.iteration / ours.iteration:.2f} |"
        )
    for line in missing:
        print(line)
    return rows


if __name__ == "__main__":
    main()
