"""SGD with the stochastic Armijo line search: step sizes, trial points, and what goes wrong."""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
import pickle
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import Any

import numpy as np
import pytest

import instep
from instep import line_search, reference
from tests.api.model import assert_same, copied, named
from tests.cases import DTYPES, Array

HALVING: dict[str, Any] = {"batch_fraction": 1.0, "c": 0.5, "backtracking": 0.5}
"""Options with which the tables' step sizes are exact."""


def make(params: Any, **options: Any) -> Any:
    """Construct the optimizer; untyped, for tests that pass what must be refused."""
    return line_search.ArmijoSGD(params, **{**HALVING, **options})


def returning(*losses: Any) -> Callable[[], Any]:
    """Return a loss that gives these values in turn, raising those that are exceptions."""
    remaining = iter(losses)

    def loss() -> Any:
        value = next(remaining)
        if isinstance(value, BaseException):
            raise value
        return value

    return loss


def bits(arrays: Sequence[Array]) -> list[bytes]:
    return [array.tobytes() for array in arrays]


# The step sizes.


def least_squares(dtype: np.dtype[Any], seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((12, 5)).astype(dtype)
    return points, (points @ rng.standard_normal(5).astype(dtype) + 1).astype(dtype)


def loss_of(w: Array, b: Array, points: Array, targets: Array) -> Any:
    # Sums in NumPy's own order: a BLAS may round differently for other addresses.
    return np.square((points * w).sum(axis=1) + b - targets).sum() / 2


def grads_of(w: Array, b: Array, points: Array, targets: Array) -> list[Array]:
    residuals = (points * w).sum(axis=1) + b - targets
    return [(points * residuals[:, None]).sum(axis=0), np.asarray(residuals.sum())]


def searches_as_in_the_paper(
    w: Array, b: Array, batches: Sequence[tuple[Array, Array]], fraction: float
) -> Iterator[tuple[float, float, Array, Array]]:
    """Yield step size, loss and parameters after each step, computed with new arrays throughout."""
    lr = 1.0
    for k, batch in enumerate(batches):
        if k > 0:
            lr = min(lr * 2.0**fraction, 10.0)
        start = float(loss_of(w, b, *batch))
        grads = grads_of(w, b, *batch)
        norm = reference.grad_norm(grads)
        while True:
            trial = [w.copy(), b.copy()]
            reference.sgd_step(trial, grads, step=1, lr=lr)
            reached = float(loss_of(trial[0], trial[1], *batch))
            if reached <= start - 0.1 * lr * norm * norm:
                break
            lr *= 0.9
        w, b = trial
        yield lr, reached, w, b


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_step_sizes_and_iterates_are_the_papers(dtype: np.dtype[Any]) -> None:
    """Exactly, in both dtypes: the reference's steps have the kernels' bits."""
    points, targets = least_squares(dtype)
    batches = [(points[k % 4 :: 4], targets[k % 4 :: 4]) for k in range(40)]
    w, b = np.zeros(10, dtype)[::-2], np.zeros((), dtype)
    optimizer = line_search.ArmijoSGD([w, b], batch_fraction=3 / 12)
    expected = searches_as_in_the_paper(w.copy(), b.copy(), batches, 3 / 12)
    sizes = set()
    for batch, (lr, loss, *params) in zip(batches, expected, strict=True):
        optimizer.step(partial(loss_of, w, b, *batch), grads_of(w, b, *batch))
        assert optimizer.lr == lr
        assert optimizer.last_loss == loss
        assert_same([w, b], params)
        sizes.add(lr)
    assert optimizer.steps == 40
    assert optimizer.evaluations > 80
    assert len(sizes) > 10  # they were searched for indeed


# For the loss a w² / 2 at w = 1 the condition is lr ≤ 2 (1 − c) / a, and computed exactly here.
@pytest.mark.parametrize(
    ("a", "c", "initial_lr", "lr"),
    [
        (1.0, 0.5, 1.0, 1.0),
        (8.0, 0.5, 1.0, 0.125),
        (9.0, 0.5, 1.0, 0.0625),
        (7.0, 0.5, 1.0, 0.125),
        (1.0, 0.25, 1.5, 1.5),
        (1.0, 0.25, 1.5 + 2**-52, 0.75 + 2**-53),
        (1.0, 0.25, 10.0, 1.25),
        (0.25, 0.75, 8.0, 2.0),
    ],
)
def test_the_first_step_size_below_the_bound_is_accepted(
    a: float, c: float, initial_lr: float, lr: float
) -> None:
    w = np.ones(1)
    optimizer = make(w, c=c, initial_lr=initial_lr)
    optimizer.step(lambda: a * w[0] ** 2 / 2, a * w)
    assert optimizer.lr == lr <= 2 * (1 - c) / a
    assert w[0] == 1 - lr * a
    trials = 1 + round(math.log2(initial_lr / lr))
    assert optimizer.evaluations == 1 + trials


def test_defaults_are_the_papers() -> None:
    w = np.ones(1)
    optimizer = line_search.ArmijoSGD(w, batch_fraction=1.0)
    assert optimizer.lr == 1.0
    optimizer.step(lambda: 8 * w[0] ** 2 / 2, 8 * w)  # the bound is 2 · 0.9 / 8 = 0.225
    assert optimizer.lr == pytest.approx(0.9**15, rel=1e-14)
    assert 0.9**15 < 0.225 < 0.9**14


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [1, 2, 4, 8, 10, 10]),
        ({"batch_fraction": 0.5, "growth": 4.0}, [1, 2, 4, 8, 10, 10]),
        ({"batch_fraction": 0.5}, [1, 2**0.5, 2, 2**1.5, 4, 2**2.5]),
        ({"growth": 1.0}, [1, 1, 1, 1]),
        ({"initial_lr": 3.0, "max_lr": 5.0}, [3, 5, 5]),
        ({"initial_lr": 0.5, "max_lr": 0.5}, [0.5, 0.5]),
        ({"growth": 1e308, "max_lr": 1e308, "initial_lr": 1e308}, [1e308, 1e308]),
    ],
)
def test_step_sizes_grow_up_to_the_largest(options: dict[str, Any], sizes: list[float]) -> None:
    w = np.zeros(1)
    optimizer = make(w, **options)
    for lr in sizes:
        # Where the gradient is 1, this reaches every decrease that can be asked for.
        optimizer.step(returning(0.0, -1e308), np.ones(1))
        assert optimizer.lr == pytest.approx(lr, rel=1e-14)
    assert optimizer.evaluations == 2 * len(sizes)


def test_growth_goes_on_from_the_accepted_step_size() -> None:
    w = np.zeros(1)
    optimizer = make(w)
    accepted = []
    for losses in ([0, 1, 1, -99], [0, -99], [0, 1, 1, 1, -99]):
        optimizer.step(returning(*losses), np.ones(1))
        accepted.append(optimizer.lr)
    assert accepted == [0.25, 0.5, 0.125]
    assert w[0] == -sum(accepted)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, np.float32(np.nan), 10**400])
def test_a_loss_that_is_not_finite_is_not_accepted(loss: Any) -> None:
    w = np.zeros(1)
    optimizer = make(w)
    optimizer.step(returning(0.0, loss, loss, -99.0), np.ones(1))
    assert (optimizer.lr, w[0], optimizer.last_loss) == (0.25, -0.25, -99.0)
    assert optimizer.failed_searches == 0


@pytest.mark.parametrize(
    "grads",
    [[np.zeros(2), np.zeros(3)], [None, None], [None, -np.zeros(3)], iter([np.zeros(2), None])],
    ids=["zeros", "none", "one", "iterator"],
)
def test_without_a_gradient_the_first_step_size_is_accepted_at_once(grads: Any) -> None:
    params = [np.ones(2), np.full(3, -2.0)]
    optimizer = make(params)
    optimizer.step(returning(0.0, -99.0), [np.ones(2), np.ones(3)])
    before = bits(params)
    optimizer.step(returning(5.0), grads)  # a second evaluation would raise StopIteration
    assert bits(params) == before
    assert (optimizer.lr, optimizer.steps, optimizer.last_loss) == (2.0, 2, 5.0)
    assert optimizer.evaluations == 3


def test_a_norm_that_overflows_asks_for_more_than_any_loss_reaches() -> None:
    w = np.zeros(1)
    optimizer = make(w, max_trials=3)
    optimizer.step(returning(0.0, *[-1e308] * 3), np.full(1, 1e155))
    assert (w[0], optimizer.steps, optimizer.failed_searches) == (0.0, 0, 1)


def test_a_known_value_saves_an_evaluation() -> None:
    points, targets = least_squares(np.dtype(np.float64))
    pair = [[np.zeros(5), np.zeros(())] for _ in range(2)]
    optimizers = [make(params) for params in pair]
    for _ in range(5):
        for known, (optimizer, (w, b)) in enumerate(zip(optimizers, pair, strict=True)):
            value = np.asarray(loss_of(w, b, points, targets)) if known else None
            optimizer.step(
                partial(loss_of, w, b, points, targets),
                grads_of(w, b, points, targets),
                value=value,
            )
    assert_same(pair[0], pair[1])
    first, second = (optimizer.state_dict() for optimizer in optimizers)
    assert first.pop("evaluations") == second.pop("evaluations") + 5
    assert first == second


def squares(w: Array, points: Array, targets: Array) -> Any:
    return np.square(points @ w - targets).sum() / 2


def test_with_interpolation_it_converges_linearly() -> None:
    """The loss of all data falls below its rounding errors, by a factor in every 10 passes."""
    points = np.random.default_rng(3).standard_normal((20, 40))
    targets = points @ np.ones(40)
    w = np.zeros(40)
    optimizer = line_search.ArmijoSGD(w, batch_fraction=5 / 20)
    losses = []
    for epoch in range(100):
        if epoch % 10 == 0:
            losses.append(float(squares(w, points, targets)))
        for batch in range(4):
            x, y = points[batch::4], targets[batch::4]
            optimizer.step(partial(squares, w, x, y), x.T @ (x @ w - y))
        assert optimizer.failed_searches == 0
        if losses[-1] < 1e-20:
            break
    assert losses[-1] < 1e-20
    assert all(after < before / 10 for before, after in itertools.pairwise(losses))


# The trial points.

LAYOUTS: dict[str, Callable[[int], Array]] = {
    "contiguous": lambda n: np.zeros((4 * n, 6)),
    "float32": lambda n: np.zeros((4 * n, 6), np.float32),
    "transposed": lambda n: np.zeros((4 * n, 6)).T,
    "sliced": lambda n: np.zeros((8 * n, 18))[::2, 1::3],
    "reversed": lambda n: np.zeros((4 * n, 6))[::-1, ::-1],
    "misaligned": lambda n: np.zeros(n * 8 + 1, np.uint8)[1:].view(np.float64),
    "subclass": lambda n: np.zeros(n).view(Unwilling),
    "scalar": lambda _: np.zeros(()),
    "empty": lambda n: np.zeros((0, n)),
}
"""Arrays of n or a few times as many elements."""


class Unwilling(np.ndarray[Any, Any]):
    """Refuses what NumPy's functions would do to it; its memory is stepped all the same."""

    def __array_function__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError


each_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))


@each_layout
def test_every_trial_is_seen_in_place_and_starts_from_the_same_bits(
    layout: Callable[[int], Array],
) -> None:
    param = layout(5)
    plain = param.view(np.ndarray)
    plain[...] = np.random.default_rng(1).standard_normal(param.shape)
    grad = np.asarray(np.random.default_rng(2).standard_normal(param.shape), param.dtype)
    start = plain.copy()
    optimizer = make(param)
    seen: list[Array] = []

    def loss() -> float:
        seen.append(plain.copy())
        return -99.0 if len(seen) == 4 else 0.0

    optimizer.step(loss, grad)
    if param.size == 0:
        assert (optimizer.evaluations, optimizer.steps) == (1, 1)
        return
    expected = [start]
    for lr in (1.0, 0.5, 0.25):
        trial = start.copy()
        reference.sgd_step(trial, grad, step=1, lr=lr)
        expected.append(trial)
    assert_same(seen, expected)
    assert_same(plain.copy(), expected[-1])


# A NaN with a payload and a negative zero: what only a copy of the bits brings back.
ODD = np.array([0x7FF8000000000123, 0x8000000000000000, 0x3FF0000000000000], np.uint64)


def odd_params() -> list[Array]:
    return [ODD.view(np.float64).copy(), np.ones((2, 3), np.float32)]


def some_grads() -> list[Array]:
    return [np.array([1.0, -2.0, 0.5]), np.full((2, 3), 0.25, np.float32)]


@pytest.mark.parametrize(
    ("options", "trials"),
    [
        ({"max_trials": 1}, 1),
        ({"max_trials": 7}, 7),
        ({}, 200),
        ({"max_trials": 10, "initial_lr": 5e-324}, 1),  # half of it is 0
        ({"max_trials": 10**6}, 1075),
    ],
)
def test_a_search_that_finds_nothing_takes_no_step(options: dict[str, Any], trials: int) -> None:
    params = odd_params()
    before = bits(params)
    optimizer = make(params, **options)
    lr = optimizer.lr
    for count in (1, 2):
        optimizer.step(itertools.chain([3.0], itertools.repeat(4.0)).__next__, some_grads())
        assert bits(params) == before
        assert optimizer.state_dict() == {
            "lr": lr,
            "last_loss": 3.0,
            "steps": 0,
            "failed_searches": count,
            "evaluations": count * (1 + trials),
        }
    optimizer.step(returning(3.0, -99.0), some_grads())
    assert (optimizer.lr, optimizer.steps, optimizer.failed_searches) == (lr, 1, 2)


def test_a_search_goes_on_from_the_last_step_size_after_one_that_found_nothing() -> None:
    optimizer = make(np.zeros(1), max_trials=2)
    for losses, lr in (([0, 1, -9], 0.5), ([0, 1, 1], 0.5), ([0, 1, 1], 0.5), ([0, -9], 1.0)):
        optimizer.step(returning(*losses), np.ones(1))
        assert optimizer.lr == lr


@each_layout
def test_a_search_costs_one_copy_that_is_kept(layout: Callable[[int], Array]) -> None:
    param = layout(20_000)
    grad = np.full(param.shape, 1.0, param.dtype)
    few = 32 * 1024
    tracemalloc.start()
    try:
        optimizer = make(param)
        kept, _ = tracemalloc.get_traced_memory()
        assert kept <= param.nbytes + few
        for losses in ([0.0, 1.0, 1.0, -1e9], [0.0, *[1.0] * 200], [0.0, 1.0, math.nan, -1e9]):
            optimizer.step(returning(*losses), grad)
        _, peak = tracemalloc.get_traced_memory()
        assert peak <= param.nbytes + few
    finally:
        tracemalloc.stop()


# The structures of parameters and gradients.

STRUCTURES: dict[str, tuple[Callable[[list[Array]], Any], Callable[[list[Any]], Any]]] = {
    "list": (list, list),
    "tuple": (tuple, tuple),
    "iterator": (iter, iter),
    "mapping": (named("wb"), named("wb")),
    "mapping in another order": (named("wb"), lambda grads: named("bw")(grads[::-1])),
}
"""What makes of two parameters, and of their gradients, what is passed."""


@pytest.mark.parametrize(("outer", "inner"), STRUCTURES.values(), ids=list(STRUCTURES))
def test_structures(outer: Callable[[list[Array]], Any], inner: Callable[[list[Any]], Any]) -> None:
    params: list[Array] = [np.zeros(2), np.zeros((2, 1), np.float32)]
    optimizer = make(outer(params))
    assert [id(param) for param in optimizer.params] == [id(param) for param in params]
    grads = [np.full(2, 2.0), np.ones((2, 1), np.float32)]
    optimizer.step(returning(0.0, 1.0, 1.0, -99.0), inner(grads))
    assert [param.ravel().tolist() for param in params] == [[-0.5, -0.5], [-0.25, -0.25]]


def test_the_condition_takes_the_norm_of_all_gradients() -> None:
    """A decrease of c · lr · ‖g‖², 0.5 · (9 + 16), is accepted, and nothing less."""
    for reached, lr in ((-12.5, 1.0), (math.nextafter(-12.5, 0), 0.5)):
        params = [np.zeros(1), np.zeros(1, np.float32)]
        optimizer = make(params)
        optimizer.step(
            returning(0.0, reached, -99.0), [np.full(1, 3.0), np.full(1, 4.0, np.float32)]
        )
        assert optimizer.lr == lr


def test_parameters_without_a_gradient_stay() -> None:
    params = odd_params()
    before = bits(params)
    optimizer = make(params)
    optimizer.step(returning(0.0, 1.0, -99.0), [None, np.ones((2, 3), np.float32)])
    assert bits(params)[0] == before[0]
    assert (params[1] == 0.5).all()


def test_rows() -> None:
    table = np.zeros((4, 2))
    optimizer = make(table)
    rows = instep.RowGradient(np.array([3, 1, 3]), np.array([[1.0, 0.0], [2.0, 0.0], [2.0, 4.0]]))
    # The norm's square is 3² + 4² + 2² = 29.
    optimizer.step(returning(0.0, -14.4, -29 / 4 + 1e-12, -29 / 8), rows)
    assert optimizer.lr == 0.25
    assert table.tolist() == [[0, 0], [-0.5, 0], [0, 0], [-0.75, -1.0]]


# All or nothing.


@contextlib.contextmanager
def refused(error: type[BaseException], match: str, optimizer: Any) -> Iterator[None]:
    """Assert that the block raises `error` and changes nothing, the next step included."""
    twin = copy.deepcopy(optimizer)
    before = [optimizer.state_dict(), bits(optimizer.params)]
    with pytest.raises(error, match=match):
        yield
    assert [optimizer.state_dict(), bits(optimizer.params)] == before
    for each in (optimizer, twin):
        each.step(returning(0.0, 1.0, -99.0), some_grads())
    assert optimizer.state_dict() == twin.state_dict()
    assert bits(optimizer.params) == bits(twin.params)


@pytest.fixture(params=["first step", "later step"])
def optimizer(request: pytest.FixtureRequest) -> Any:
    made = make(odd_params())
    if request.param == "later step":
        made.step(returning(0.0, 1.0, 1.0, -99.0), some_grads())
        made.step(returning(0.0, *[1.0] * 200), some_grads())
    return made


@pytest.mark.parametrize("calls", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "error",
    [KeyError("mine"), KeyboardInterrupt("mine"), SystemExit("mine"), GeneratorExit("mine")],
    ids=lambda error: type(error).__name__,
)
def test_what_the_loss_raises_goes_on(optimizer: Any, error: BaseException, calls: int) -> None:
    with refused(type(error), "mine", optimizer):
        optimizer.step(returning(*[1.0] * calls, error), some_grads())


@pytest.mark.parametrize("calls", [0, 1, 3])
@pytest.mark.parametrize("loss", ["1.0", None, np.ones(1), 1j, True, [1.0]])
def test_losses_that_are_no_numbers_are_refused(optimizer: Any, loss: Any, calls: int) -> None:
    with refused(TypeError, "loss: expected a number", optimizer):
        optimizer.step(returning(*[1.0] * calls, loss), some_grads())


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, np.float32(np.inf)])
def test_a_start_that_is_not_finite_is_refused(optimizer: Any, loss: Any) -> None:
    with refused(FloatingPointError, "loss: expected a finite number", optimizer):
        optimizer.step(returning(loss, -99.0), some_grads())
    with refused(FloatingPointError, "value: expected a finite number", optimizer):
        optimizer.step(returning(-99.0), some_grads(), value=loss)


@pytest.mark.parametrize(
    ("grads", "error", "match"),
    [
        (some_grads()[0], TypeError, "sequence of 2"),
        (None, TypeError, "sequence of 2"),
        (some_grads()[:1], ValueError, "expected 2"),
        ([some_grads()[0], np.ones((2, 3))], TypeError, "float64"),
        ([some_grads()[0], np.ones((3, 2), np.float32)], ValueError, "shape"),
        ([[1.0] * 3, None], TypeError, "list"),
        ([np.array([1.0, math.nan, 1.0]), some_grads()[1]], FloatingPointError, "not at index"),
        ([some_grads()[0], np.full((2, 3), math.inf, np.float32)], FloatingPointError, "index"),
        (iter([some_grads()[0]]), ValueError, "expected 2"),
    ],
)
def test_gradients_that_are_refused(
    optimizer: Any, grads: Any, error: type[Exception], match: str
) -> None:
    with refused(error, match, optimizer):
        optimizer.step(returning(1.0), grads)


def test_a_gradient_in_the_parameters_memory_is_refused(optimizer: Any) -> None:
    with refused(ValueError, "share memory", optimizer):
        optimizer.step(returning(1.0), [optimizer.params[0][::-1], None])


def test_gradients_that_change_during_the_search_are_refused(optimizer: Any) -> None:
    grads = some_grads()

    def loss() -> float:
        grads[0] += 1.0
        return 1.0

    with refused(RuntimeError, "grads: expected them to stay", optimizer):
        optimizer.step(loss, grads)


@pytest.mark.parametrize("loss", [None, 1.0])
def test_a_loss_that_cannot_be_called_is_refused(optimizer: Any, loss: Any) -> None:
    with refused(TypeError, "loss: expected a callable", optimizer):
        optimizer.step(loss, some_grads())


@pytest.mark.parametrize("value", ["1.0", np.ones(1), True])
def test_values_that_are_no_numbers_are_refused(optimizer: Any, value: Any) -> None:
    with refused(TypeError, "value: expected a number", optimizer):
        optimizer.step(returning(-99.0), some_grads(), value=value)


@contextlib.contextmanager
def interrupt_at(event: int) -> Iterator[None]:
    """Raise KeyboardInterrupt before the instruction of the module that is run as `event`-th."""
    instructions = 0

    def trace(frame: FrameType, what: str, _: Any) -> Any:
        nonlocal instructions
        if frame.f_code.co_filename != line_search.__file__:
            return None
        frame.f_trace_opcodes = True
        instructions += what == "opcode"
        if instructions == event:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(previous)


@pytest.mark.parametrize(
    "losses",
    [[0.0, 1.0, 1.0, -99.0], [0.0, 1.0, 1.0, 1.0]],
    ids=["a step", "a search that finds nothing"],
)
def test_an_interrupt_anywhere_leaves_all_or_nothing(losses: list[float]) -> None:
    def state(optimizer: Any) -> Any:
        return optimizer.state_dict(), bits(optimizer.params)

    done = make(odd_params(), max_trials=3)
    untouched = state(done)
    done.step(returning(*losses), some_grads())
    interrupted = 0
    for event in itertools.count(1):
        optimizer = make(odd_params(), max_trials=3)
        try:
            with interrupt_at(event):
                optimizer.step(returning(*losses), some_grads())
        except KeyboardInterrupt:
            interrupted += 1
            assert state(optimizer) in (untouched, state(done)), f"instruction {event}"
        else:
            break
    assert interrupted > 200
    assert state(optimizer) == state(done)


# What is kept, copied, and refused at construction.


def pickled(protocol: int) -> Callable[[Any], Any]:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


COPIES = {"deepcopy": copy.deepcopy} | {
    f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=list(COPIES))
def test_copies_own_what_they_have_and_continue(
    optimizer: Any, duplicate: Callable[[Any], Any]
) -> None:
    twin, params = duplicate((optimizer, list(optimizer.params)))
    assert [id(param) for param in twin.params] == [id(param) for param in params]
    before = bits(twin.params)
    optimizer.step(returning(0.0, 1.0, -99.0), some_grads())
    assert bits(params) == before
    twin.step(returning(0.0, 1.0, -99.0), some_grads())
    assert twin.state_dict() == optimizer.state_dict()
    assert bits(params) == bits(optimizer.params)
    with refused(KeyError, "mine", twin):
        twin.step(returning(0.0, 1.0, KeyError("mine")), some_grads())


def test_a_pickle_holds_the_parameters_once() -> None:
    param = np.zeros(10_000)
    assert len(pickle.dumps(make(param))) < 1.5 * param.nbytes


def test_shallow_copies_are_refused(optimizer: Any) -> None:
    with refused(TypeError, "deepcopy", optimizer):
        copy.copy(optimizer)


def test_a_state_dictionary_continues(optimizer: Any) -> None:
    state = optimizer.state_dict()
    other = make(copied(optimizer.params))
    other.load_state_dict(state)
    for each in (optimizer, other):
        each.step(returning(0.0, 1.0, -99.0), some_grads())
    assert other.state_dict() == optimizer.state_dict() != state
    assert bits(other.params) == bits(optimizer.params)


GOOD = {"lr": 0.5, "last_loss": 1.0, "steps": 3, "failed_searches": 0, "evaluations": 9}


@pytest.mark.parametrize(
    ("state", "error", "match"),
    [
        (None, TypeError, "state_dict"),
        ([], TypeError, "state_dict"),
        ({}, KeyError, "lr"),
        ({name: GOOD[name] for name in GOOD if name != "steps"}, KeyError, "steps"),
        ({**GOOD, "colour": 1}, KeyError, "colour"),
        ({**GOOD, "lr": 0.0}, ValueError, "lr: expected a finite number above 0"),
        ({**GOOD, "lr": math.inf}, ValueError, "lr"),
        ({**GOOD, "lr": "1"}, TypeError, "lr"),
        ({**GOOD, "last_loss": "1"}, TypeError, "last_loss"),
        ({**GOOD, "last_loss": math.nan}, ValueError, "last_loss"),
        ({**GOOD, "steps": -1}, ValueError, "steps"),
        ({**GOOD, "failed_searches": 0.5}, TypeError, "failed_searches"),
        ({**GOOD, "evaluations": None}, TypeError, "evaluations"),
    ],
)
def test_state_dictionaries_that_are_refused(
    optimizer: Any, state: Any, error: type[Exception], match: str
) -> None:
    with refused(error, match, optimizer):
        optimizer.load_state_dict(state)


TINY = 5e-324

RANGES: list[tuple[str, list[Any], list[Any]]] = [
    ("batch_fraction", [TINY, 0.5, 1.0, 1], [0.0, -0.5, 1 + 2**-52, math.nan]),
    ("c", [TINY, 1 - 2**-53], [0.0, 1.0, -0.1, math.nan]),
    ("backtracking", [TINY, 1 - 2**-53], [0.0, 1.0, -0.1, math.nan]),
    ("growth", [1.0, 1e308], [1 - 2**-53, 0.0, math.inf, math.nan]),
    ("max_lr", [1.0, 1e308], [0.0, -1.0, math.inf, math.nan, 1 - 2**-53]),
    ("initial_lr", [TINY, 10.0], [0.0, -1.0, 10 + 2**-49, math.inf, math.nan]),
    ("max_trials", [1, 10**6], [0, -1]),
]


@pytest.mark.parametrize(("name", "good", "bad"), RANGES, ids=[name for name, _, _ in RANGES])
def test_ranges(name: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        make(np.ones(2), **{name: value})
    for value in bad:
        with pytest.raises(ValueError, match=f"{name}.*: expected" if name != "max_lr" else name):
            make(np.ones(2), **{name: value})
    for value in ("1", None, 1j, True, [1.0]):
        with pytest.raises(TypeError, match=f"{name}: expected"):
            make(np.ones(2), **{name: value})


def test_max_trials_is_an_integer() -> None:
    with pytest.raises(TypeError, match=r"max_trials: expected an integer, got 200\.0"):
        make(np.ones(2), max_trials=200.0)


READ_ONLY = np.ones(2)
READ_ONLY.setflags(write=False)


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ([{"params": np.ones(2)}], TypeError, "params: expected .*got groups"),
        (iter([np.ones(2), {"params": np.ones(2), "lr": 1.0}]), TypeError, "got groups"),
        (None, TypeError, "NoneType"),
        ([], ValueError, "at least one"),
        (np.ones(2, int), TypeError, "int64"),
        ([[1.0]], TypeError, "list"),
        (READ_ONLY, ValueError, "read-only"),
    ],
)
def test_parameters_that_are_refused(params: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make(params)


def test_attributes_cannot_be_set() -> None:
    optimizer = make(np.ones(2))
    names = ("params", "lr", "last_loss", "steps", "failed_searches", "evaluations", "max_lr")
    for name in names:
        with pytest.raises(AttributeError, match=name):
            setattr(optimizer, name, 1)
