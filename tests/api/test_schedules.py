"""Schedules: their formulas, their ends, what they refuse, and that they are plain values."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import instep
from instep import schedules
from instep.schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseSquareRoot,
    LinearWarmup,
    PolynomialDecay,
    SearchThenConverge,
    StepDecay,
)
from tests.api.model import (
    COPIES,
    assert_same,
    each_class,
    each_way,
    make,
    params_of,
    random_arrays,
)

FOR_EVER = 2**63
HUGE = 1.7976931348623157e308
TINY = 5e-324


def halving(t: int) -> float:
    return 0.5**t


def about(rate: float) -> Any:
    """Return what equals `rate` up to four or so units in the last place."""
    return pytest.approx(rate, rel=1e-15, abs=0.0)


RATES: list[tuple[Any, int, Any]] = [
    (StepDecay(0.3, 0.1, 10), 0, 0.3),
    (StepDecay(0.3, 0.1, 10), 9, 0.3),
    (StepDecay(0.3, 0.1, 10), 10, about(3 / 100)),
    (StepDecay(0.3, 0.1, 10), 35, about(3 / 10_000)),
    (StepDecay(0.3, 1.0, 10), FOR_EVER, 0.3),
    (StepDecay(0.3, 0.9, 1), FOR_EVER, 0.0),
    (StepDecay(0.3, 0.0, 2), 1, 0.3),
    (StepDecay(0.3, 0.0, 2), 2, 0.0),
    (StepDecay(0.0, 0.5, 2), 5, 0.0),
    (StepDecay(0.3, 0.1, FOR_EVER), FOR_EVER, about(3 / 100)),
    (ExponentialDecay(0.3, 0.9), 0, 0.3),
    (ExponentialDecay(0.3, 0.9), 3, about(3 * 9**3 / 10**4)),
    (ExponentialDecay(0.3, 0.25, timescale=2), 3, about(3 / 80)),
    (ExponentialDecay(0.3, 0.25, timescale=0.5), 3, about(3 / (10 * 4**6))),
    (ExponentialDecay(1.0, 1 / math.e, timescale=1e6), 2_000_000, about(math.exp(-2))),
    (ExponentialDecay(0.3, 0.9), FOR_EVER, 0.0),
    (ExponentialDecay(0.3, 1.0, timescale=TINY), FOR_EVER, 0.3),
    (ExponentialDecay(0.3, 0.0), 0, 0.3),
    (ExponentialDecay(0.3, 0.0), 1, 0.0),
    (PolynomialDecay(0.3, 0.1, 100), 0, 0.3),
    (PolynomialDecay(0.3, 0.1, 100), 25, about(1 / 4)),
    (PolynomialDecay(0.3, 0.1, 100), 99, about(102 / 1000)),
    (PolynomialDecay(0.3, 0.1, 100), 100, 0.1),
    (PolynomialDecay(0.3, 0.1, 100), FOR_EVER, 0.1),
    (PolynomialDecay(0.1, 0.3, 100), 25, about(3 / 20)),
    (PolynomialDecay(0.3, 0.0, 100, power=2), 75, about(3 / 160)),
    (PolynomialDecay(0.3, 0.1, 100, power=0.5), 75, about(1 / 5)),
    (PolynomialDecay(1.0, 0.0, 10**9), 10**9 - 1, about(1 / 10**9)),
    (PolynomialDecay(1.0, 0.0, FOR_EVER), FOR_EVER // 4, about(3 / 4)),
    (CosineDecay(0.3, 120), 0, 0.3),
    (CosineDecay(0.3, 120), 20, about(0.3 * (2 + math.sqrt(3)) / 4)),
    (CosineDecay(0.3, 120), 30, about(0.3 * (2 + math.sqrt(2)) / 4)),
    (CosineDecay(0.3, 120), 40, about(9 / 40)),
    (CosineDecay(0.3, 120), 60, about(3 / 20)),
    (CosineDecay(0.3, 120), 80, about(3 / 40)),
    (CosineDecay(0.3, 120), 120, 0.0),
    (CosineDecay(0.3, 120), FOR_EVER, 0.0),
    (CosineDecay(0.3, 120, final=0.1), 40, about(1 / 4)),
    (CosineDecay(0.3, 120, final=0.1), 121, 0.1),
    (CosineDecay(0.1, 120, final=0.3), 40, about(3 / 20)),
    # (1 + cos(π - x)) / 2 = x² / 4 - O(x⁴), here with x = π 10⁻⁸
    (CosineDecay(1.0, 10**8), 10**8 - 1, about((math.pi * 1e-8) ** 2 / 4)),
    (InverseSquareRoot(0.3), 0, 0.3),
    (InverseSquareRoot(0.3), 1, about(0.3 / math.sqrt(2))),
    (InverseSquareRoot(0.3), 99, about(3 / 100)),
    (InverseSquareRoot(0.3, timescale=5), 40, about(1 / 10)),
    (InverseSquareRoot(0.3), FOR_EVER, about(0.3 / 2**31.5)),
    (InverseSquareRoot(0.3, timescale=TINY), FOR_EVER, 0.0),
    (SearchThenConverge(0.3, 10), 0, 0.3),
    (SearchThenConverge(0.3, 10), 10, about(3 / 20)),
    (SearchThenConverge(0.3, 10), 20, about(1 / 10)),
    (SearchThenConverge(0.3, 10), FOR_EVER, about(3 / (2**63 + 10))),
    (SearchThenConverge(0.5, 4, c=2), 0, 0.5),
    # (c/η₀)(t/τ) = 4 · 2 = 8 and τ t²/τ² = 16
    (SearchThenConverge(0.5, 4, c=2), 8, about(9 / (2 * 25))),
    (SearchThenConverge(0.5, 4, c=2), FOR_EVER, about(2 / FOR_EVER)),
    (SearchThenConverge(TINY, 4, c=HUGE), 1, TINY),
    (SearchThenConverge(0.5, TINY, c=TINY), 1, 0.0),
    (LinearWarmup(4, 0.5), 0, about(1 / 10)),
    (LinearWarmup(4, 0.5), 3, about(4 / 10)),
    (LinearWarmup(4, 0.5), 4, 0.5),
    (LinearWarmup(4, 0.5), FOR_EVER, 0.5),
    (LinearWarmup(4, 0.5, start=0), 0, 0.0),
    (LinearWarmup(4, 0.5, start=0), 3, about(3 / 8)),
    (LinearWarmup(4, 0.5, start=0.2), 0, about(1 / 10)),
    (LinearWarmup(4, 0.5, start=0.2), 2, about(3 / 10)),
    (LinearWarmup(4, 0.5, start=1), 2, 0.5),
    (LinearWarmup(0, 0.5), 0, 0.5),
    (LinearWarmup(0, halving), 3, about(1 / 8)),
    (LinearWarmup(4, halving), 1, about(2 / 5)),
    (LinearWarmup(4, halving), 4, 1.0),
    (LinearWarmup(4, halving), 7, about(1 / 8)),
    (LinearWarmup(FOR_EVER, 0.5), FOR_EVER // 2, about(1 / 4)),
    (LinearWarmup(2, LinearWarmup(3, 0.5, start=0.4), start=0.5), 0, about(1 / 10)),
    (LinearWarmup(2, LinearWarmup(3, 0.5, start=0.4), start=0.5), 1, about(3 / 20)),
    (LinearWarmup(2, LinearWarmup(3, 0.5, start=0.4), start=0.5), 3, about(3 / 10)),
    # Vaswani et al.: peak √(n / t)
    (LinearWarmup(100, InverseSquareRoot(0.3, timescale=100)), 100, 0.3),
    (LinearWarmup(100, InverseSquareRoot(0.3, timescale=100)), 900, about(1 / 10)),
]
"""Schedule, completed steps, rate."""

SCHEDULES = list(dict.fromkeys(schedule for schedule, _, _ in RATES))

EXAMPLES = [
    StepDecay(0.3, 0.1, 2),
    ExponentialDecay(0.3, 0.9),
    PolynomialDecay(0.3, 0.1, 4, power=0.9),
    CosineDecay(0.3, 4, final=0.1),
    InverseSquareRoot(0.3),
    SearchThenConverge(0.3, 2.0),
    SearchThenConverge(0.3, 2.0, c=0.5),
    LinearWarmup(2, CosineDecay(0.3, 3, final=0.1)),
    LinearWarmup(2, halving, start=0.1),
]
"""Schedules that do all that they do in the first six steps."""

each_example = pytest.mark.parametrize("schedule", EXAMPLES, ids=lambda each: type(each).__name__)


@pytest.mark.parametrize(("schedule", "t", "rate"), RATES)
def test_rates(schedule: Any, t: int, rate: Any) -> None:
    got = schedule(t)
    assert type(got) is float
    assert got == rate


@pytest.mark.parametrize("table", [SCHEDULES, EXAMPLES], ids=["rates", "examples"])
def test_no_schedule_is_forgotten(table: list[Any]) -> None:
    assert {type(schedule).__name__ for schedule in table} == set(schedules.__all__)


def test_the_rate_of_the_papers_is_met_bit_for_bit() -> None:
    """A rate of η₀ / √k in the k-th step."""
    schedule = InverseSquareRoot(0.3)
    assert [schedule(k - 1) for k in range(1, 200)] == [0.3 / math.sqrt(k) for k in range(1, 200)]


rates = st.floats(0.0, allow_infinity=False)
above_0 = st.floats(0.0, allow_infinity=False, exclude_min=True)
factors = st.floats(0.0, 1.0)
counts = st.integers(0, 1000) | st.integers(0, FOR_EVER)
lengths = st.integers(1, 1000) | st.integers(1, FOR_EVER)
monotone = st.one_of(
    st.builds(StepDecay, rates, factors, lengths),
    st.builds(ExponentialDecay, rates, factors, above_0),
    st.builds(PolynomialDecay, rates, rates, lengths, above_0),
    st.builds(CosineDecay, rates, lengths, rates),
    st.builds(InverseSquareRoot, rates, above_0),
    st.builds(SearchThenConverge, above_0, above_0, st.none() | above_0),
    st.builds(LinearWarmup, lengths, rates, st.none() | factors),
)
any_schedule = st.recursive(
    monotone,
    lambda then: st.builds(LinearWarmup, st.integers(0, 1000), then, st.none() | factors),
    max_leaves=2,
)


def ends(schedule: Any) -> tuple[float, float]:
    """Return the rate of the first step and the one that it goes to."""
    if isinstance(schedule, LinearWarmup):
        assert isinstance(schedule.then, float)
        return schedule.start * schedule.then, schedule.then
    return schedule.initial, getattr(schedule, "final", 0.0)


@given(schedule=monotone, t=counts)
def test_rates_are_between_the_ends(schedule: Any, t: int) -> None:
    first, last = ends(schedule)
    assert schedule(0) == first
    assert min(first, last) <= schedule(t) <= max(first, last)


@given(schedule=monotone, times=st.tuples(counts, counts) | counts.map(lambda t: (t, t + 1)))
def test_rates_go_one_way(schedule: Any, times: tuple[int, int]) -> None:
    first, last = ends(schedule)
    early, late = (schedule(t) for t in sorted(times))
    rounding = 2e-15 * max(early, late)
    if first < last:
        assert early <= late + rounding
    else:
        assert late <= early + rounding


@given(
    schedule=st.builds(PolynomialDecay, rates, rates, lengths, above_0)
    | st.builds(CosineDecay, rates, lengths, rates),
    later=counts,
)
def test_the_ends_are_exact(schedule: Any, later: int) -> None:
    assert schedule(0) == schedule.initial
    assert schedule(schedule.steps) == schedule.final
    assert schedule(schedule.steps + later) == schedule.final


@given(steps=st.integers(1, 50), then=any_schedule, start=st.none() | factors, later=counts)
def test_a_warmup_joins_what_follows_it(
    steps: int, then: Any, start: float | None, later: int
) -> None:
    schedule = LinearWarmup(steps, then, start)
    assert schedule(steps + later) == then(later)
    peak = then(0)
    line = np.array([schedule(t) for t in range(steps + 1)])
    rise = (peak - peak * schedule.start) / steps
    assert np.allclose(np.diff(line), rise, rtol=0, atol=4e-16 * peak + 4 * TINY)


@given(steps=st.integers(0, 1000), peak=st.floats(1e-300, allow_infinity=False))
def test_no_step_of_a_warmup_is_wasted_by_default(steps: int, peak: float) -> None:
    schedule = LinearWarmup(steps, peak)
    assert math.isclose(schedule(0), peak / (steps + 1))
    assert schedule(0) > 0.0


def test_a_warmup_asks_what_follows_it_from_0() -> None:
    asked: list[int] = []

    def then(t: int) -> float:
        asked.append(t)
        return 0.5

    schedule = LinearWarmup(2, then)
    for t in range(5):
        schedule(t)
    assert asked == [0, 0, 0, 1, 2]


@pytest.mark.parametrize("rate", [1, np.float32(1), np.array(1.0), Fraction(1)])
def test_what_follows_a_warmup_may_return_any_number(rate: Any) -> None:
    schedule = LinearWarmup(1, lambda _: rate)
    assert [type(schedule(t)) for t in range(3)] == [float] * 3
    assert [schedule(t) for t in range(3)] == [0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("rate", "error"),
    [
        (None, TypeError),
        ("1", TypeError),
        (True, TypeError),
        (-1.0, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
    ],
)
@pytest.mark.parametrize("t", [0, 5])
def test_what_follows_a_warmup_must_return_a_rate(
    rate: Any, error: type[Exception], t: int
) -> None:
    with pytest.raises(error, match=r"then\(t\): expected a"):
        LinearWarmup(3, lambda _: rate)(t)


NO_RATES: list[Any] = [-1.0, -TINY, math.nan, math.inf, 10**400]
NO_NUMBERS: list[Any] = ["1", None, True, 1j, [1.0], np.ones(1)]
NO_INTEGERS: list[Any] = [1.0, "1", None, True, np.True_, np.float64(1), np.array(1.0), [1]]

REFUSED: list[tuple[Callable[[Any], Any], str, list[Any], list[Any]]] = [
    (lambda value: StepDecay(value, 0.5, 2), "initial", NO_RATES, NO_NUMBERS),
    (lambda value: StepDecay(1.0, value, 2), "factor", [*NO_RATES, 1.5], NO_NUMBERS),
    (lambda value: StepDecay(1.0, 0.5, value), "every", [0, -1, np.int8(-1)], NO_INTEGERS),
    (lambda value: ExponentialDecay(value, 0.5), "initial", NO_RATES, NO_NUMBERS),
    (lambda value: ExponentialDecay(1.0, value), "factor", [*NO_RATES, 1.5], NO_NUMBERS),
    (lambda value: ExponentialDecay(1.0, 0.5, value), "timescale", [*NO_RATES, 0], NO_NUMBERS),
    (lambda value: PolynomialDecay(value, 0.5, 2), "initial", NO_RATES, NO_NUMBERS),
    (lambda value: PolynomialDecay(1.0, value, 2), "final", NO_RATES, NO_NUMBERS),
    (lambda value: PolynomialDecay(1.0, 0.5, value), "steps", [0, -1], NO_INTEGERS),
    (lambda value: PolynomialDecay(1.0, 0.5, 2, value), "power", [*NO_RATES, 0.0], NO_NUMBERS),
    (lambda value: CosineDecay(value, 2), "initial", NO_RATES, NO_NUMBERS),
    (lambda value: CosineDecay(1.0, value), "steps", [0, -1], NO_INTEGERS),
    (lambda value: CosineDecay(1.0, 2, value), "final", NO_RATES, NO_NUMBERS),
    (lambda value: InverseSquareRoot(value), "initial", NO_RATES, NO_NUMBERS),
    (lambda value: InverseSquareRoot(1.0, value), "timescale", [*NO_RATES, 0.0], NO_NUMBERS),
    (lambda value: SearchThenConverge(value, 2), "initial", [*NO_RATES, 0.0], NO_NUMBERS),
    (lambda value: SearchThenConverge(1.0, value), "timescale", [*NO_RATES, 0.0], NO_NUMBERS),
    (lambda value: SearchThenConverge(1.0, 2, value), "c", [*NO_RATES, 0], ["1", True, [1.0]]),
    (lambda value: LinearWarmup(value, 1.0), "steps", [-1], NO_INTEGERS),
    (lambda value: LinearWarmup(2, value), "then", NO_RATES, NO_NUMBERS),
    (lambda value: LinearWarmup(2, 1.0, value), "start", [-0.5, 1.5, math.nan], ["1", True, [1.0]]),
    *((schedule, "t", [-1, -FOR_EVER, np.int8(-1)], NO_INTEGERS) for schedule in EXAMPLES),
]
"""What is called with a value, the argument that it is, values out of range, and wrong types."""


@pytest.mark.parametrize(("call", "name", "out_of_range", "wrong_types"), REFUSED)
def test_arguments_that_are_refused(
    call: Callable[[Any], Any], name: str, out_of_range: list[Any], wrong_types: list[Any]
) -> None:
    for value in out_of_range:
        with pytest.raises(ValueError, match=f"^{name}: expected an? .*, got "):
            call(value)
    for value in wrong_types:
        with pytest.raises(TypeError, match=f"^{name}: expected an? .*, got "):
            call(value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CosineDecay(-1, 2), "initial: expected a finite number of at least 0, got -1"),
        (lambda: InverseSquareRoot(1, 0), "timescale: expected a finite number above 0, got 0"),
        (lambda: StepDecay(1, 2, 3), "factor: expected a number in [0, 1], got 2"),
        (lambda: StepDecay(1, 1, 0), "every: expected an integer of at least 1, got 0"),
        (lambda: CosineDecay(1, 2)(-1), "t: expected an integer of at least 0, got -1"),
    ],
)
def test_messages(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("integer", [np.int64, np.uint8, np.int32, np.array])
@each_example
def test_counts_of_any_integer_type(schedule: Any, integer: Callable[[int], Any]) -> None:
    assert [schedule(integer(t)) for t in range(5)] == [schedule(t) for t in range(5)]


@pytest.mark.parametrize("number", [np.float64, np.float32, np.array, Fraction])
def test_parameters_become_numbers_of_python(number: Callable[[float], Any]) -> None:
    steps: Any = np.int32(3)
    schedule = PolynomialDecay(number(0.5), number(0.25), steps, number(2.0))
    assert vars(schedule) == {"initial": 0.5, "final": 0.25, "steps": 3, "power": 2.0}
    assert [type(value) for value in vars(schedule).values()] == [float, float, int, float]


def test_parameters_are_attributes() -> None:
    schedule = LinearWarmup(3, CosineDecay(0.5, 10, final=0.25))
    assert (schedule.steps, schedule.start) == (3, 0.25)
    assert schedule.then == CosineDecay(initial=0.5, steps=10, final=0.25)


@each_example
def test_schedules_cannot_be_changed(schedule: Any) -> None:
    before = repr(schedule)
    for name in [*vars(schedule), "other"]:
        with pytest.raises(AttributeError, match=f"^{name}: {type(schedule).__name__} cannot be"):
            setattr(schedule, name, 1.0)
    for name in vars(schedule):
        with pytest.raises(AttributeError, match=f"^{name}: "):
            delattr(schedule, name)
    assert repr(schedule) == before


def evaluated(schedule: Any) -> Any:
    return eval(repr(schedule), dict(vars(schedules)))


@pytest.mark.parametrize(
    "duplicate", [evaluated, copy.copy, *COPIES.values()], ids=["repr", "copy", *COPIES]
)
@given(schedule=any_schedule)
@example(schedule=SearchThenConverge(0.5, 2, c=3))
def test_copies_are_equal(schedule: Any, duplicate: Callable[[Any], Any]) -> None:
    twin = duplicate(schedule)
    assert type(twin) is type(schedule)
    assert twin == schedule
    assert hash(twin) == hash(schedule)
    assert repr(twin) == repr(schedule)
    assert [twin(t) for t in range(5)] == [schedule(t) for t in range(5)]


class Subclass(StepDecay):
    """A schedule that may do anything else."""


def test_schedules_differ_where_a_parameter_or_their_class_does() -> None:
    different = [
        *SCHEDULES,
        ExponentialDecay(1.0, 0.5, 3),
        StepDecay(1.0, 0.5, 3),
        StepDecay(1.0, 0.5, 4),
        StepDecay(1.0, 0.25, 3),
        StepDecay(2.0, 0.5, 3),
        InverseSquareRoot(1.0, 2.0),
        SearchThenConverge(1.0, 2.0),
        LinearWarmup(1, StepDecay(1.0, 0.5, 3)),
        LinearWarmup(1, StepDecay(1.0, 0.5, 4)),
        Subclass(1.0, 0.5, 3),
        1.0,
        (1.0, 0.5, 3),
    ]
    for one, other in itertools.combinations(different, 2):
        assert one != other
    assert len(set(different)) == len(different)


@each_class
@each_example
def test_steps_are_those_with_the_rate_set_by_hand(name: str, schedule: Any) -> None:
    start = random_arrays([np.empty((2, 3)), np.empty(4, np.float32)], seed=1)
    scheduled = make(name, copy.deepcopy(start), lr=schedule)
    by_hand = make(name, copy.deepcopy(start))
    for t in range(6):
        grads = random_arrays(start, seed=t)
        by_hand.lr = schedule(t)
        scheduled.step(grads)
        by_hand.step(grads)
        assert_same(params_of(scheduled), params_of(by_hand), f"after step {t + 1}")
    assert_same(scheduled.state_dict()["state"], by_hand.state_dict()["state"])


@each_way
@each_example
def test_copies_of_an_optimizer_keep_its_schedule(
    schedule: Any, duplicate: Callable[[Any], Any]
) -> None:
    optimizer = make("Adam", [{"params": np.ones(2)}, {"params": np.ones(3)}], lr=schedule)
    for seed in range(3):
        optimizer.step(random_arrays(params_of(optimizer), seed))
    twin = duplicate(optimizer)
    assert type(twin.lr) is type(schedule)
    assert twin.lr == schedule
    grads = random_arrays(params_of(optimizer), seed=3)
    for each in (optimizer, twin):
        each.step(grads)
    assert_same(twin.state_dict(), optimizer.state_dict())
    assert_same(params_of(twin), params_of(optimizer))
    assert twin.state_dict()["param_groups"][0]["lr"] == schedule(3)


def test_an_optimizer_shows_its_schedule() -> None:
    optimizer = instep.SGD(np.ones(2), lr=CosineDecay(0.5, 10))
    assert "CosineDecay(initial=0.5, steps=10, final=0.0)" in repr(optimizer)


OF_OPTAX: list[tuple[Any, Callable[[Any], Any]]] = [
    (
        StepDecay(0.5, 0.3, 30),
        lambda optax: optax.exponential_decay(0.5, 30, 0.3, staircase=True),
    ),
    (ExponentialDecay(0.5, 0.3, 30), lambda optax: optax.exponential_decay(0.5, 30, 0.3)),
    (
        PolynomialDecay(0.5, 0.1, 200, power=0.9),
        lambda optax: optax.polynomial_schedule(0.5, 0.1, 0.9, 200),
    ),
    (PolynomialDecay(0.1, 0.5, 200), lambda optax: optax.linear_schedule(0.1, 0.5, 200)),
    (CosineDecay(0.5, 200), lambda optax: optax.cosine_decay_schedule(0.5, 200)),
    (CosineDecay(0.5, 200, 0.1), lambda optax: optax.cosine_decay_schedule(0.5, 200, alpha=0.2)),
    (
        LinearWarmup(50, CosineDecay(0.5, 150), start=0.0),
        lambda optax: optax.warmup_cosine_decay_schedule(0.0, 0.5, 50, 200),
    ),
    (
        LinearWarmup(50, ExponentialDecay(0.5, 0.9), start=0.2),
        lambda optax: optax.join_schedules(
            [optax.linear_schedule(0.1, 0.5, 50), optax.exponential_decay(0.5, 1, 0.9)], [50]
        ),
    ),
]


@pytest.mark.parametrize(("schedule", "theirs"), OF_OPTAX)
def test_schedules_of_optax(schedule: Any, theirs: Callable[[Any], Any]) -> None:
    optax = pytest.importorskip("optax")
    reference = theirs(optax)
    expected = np.array([float(reference(t)) for t in range(300)])
    got = np.array([schedule(t) for t in range(300)])
    assert np.allclose(got, expected, rtol=1e-5, atol=1e-7)  # theirs are of float32


OF_TORCH: list[tuple[Any, float, int, Callable[[Any, Any], Any]]] = [
    (StepDecay(0.5, 0.3, 30), 0.5, 300, lambda of, o: of.StepLR(o, 30, 0.3)),
    (ExponentialDecay(0.5, 0.9), 0.5, 300, lambda of, o: of.ExponentialLR(o, 0.9)),
    (
        PolynomialDecay(0.5, 0.0, 200, power=2.0),
        0.5,
        300,
        lambda of, o: of.PolynomialLR(o, 200, power=2.0),
    ),
    (PolynomialDecay(0.5, 0.1, 200), 0.5, 300, lambda of, o: of.LinearLR(o, 1.0, 0.2, 200)),
    # Theirs rises again afterwards.
    (CosineDecay(0.5, 200, 0.1), 0.5, 201, lambda of, o: of.CosineAnnealingLR(o, 200, 0.1)),
    (LinearWarmup(50, 0.5, start=0.25), 0.5, 300, lambda of, o: of.LinearLR(o, 0.25, 1.0, 50)),
    (
        LinearWarmup(50, StepDecay(0.5, 0.3, 30), start=0.25),
        0.5,
        300,
        lambda of, o: of.SequentialLR(
            o, [of.LinearLR(o, 0.25, total_iters=50), of.StepLR(o, 30, 0.3)], [50]
        ),
    ),
]
"""Schedule; torch's base rate, number of steps and scheduler."""


def rates_of_torch(
    torch: Any, base: float, scheduler: Callable[[Any, Any], Any]
) -> Iterator[float]:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=base)
    scheduled = scheduler(torch.optim.lr_scheduler, optimizer)
    while True:
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduled.step()


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # of SequentialLR's own call
@pytest.mark.parametrize(("schedule", "base", "steps", "theirs"), OF_TORCH)
def test_schedules_of_torch(
    schedule: Any, base: float, steps: int, theirs: Callable[[Any, Any], Any]
) -> None:
    torch = pytest.importorskip("torch")
    expected = list(itertools.islice(rates_of_torch(torch, base, theirs), steps))
    got = [schedule(t) for t in range(steps)]
    assert np.allclose(got, expected, rtol=1e-11, atol=1e-15)  # theirs are products of ratios
