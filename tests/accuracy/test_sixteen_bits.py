"""What many steps make of what is stored in 16 bits: it stands still, or is right on average."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from instep import functional, reference
from instep.reference import join_master
from tests.accuracy import exact, precision
from tests.cases import HALVES, Array

BFLOAT16 = HALVES[1]

COUNT = 4096
"""Elements that differ in their random bits alone."""

STANDARD_ERRORS = 5

every_half = pytest.mark.parametrize("half", HALVES, ids=str)


def assert_mean(values: Array, expected: float, what: str = "") -> None:
    """Fail if the mean of independent values is further from another than chance explains."""
    numbers = values.astype(np.float64)
    standard_error = numbers.std(ddof=1) / np.sqrt(numbers.size)
    assert standard_error > 0
    assert abs(numbers.mean() - expected) <= STANDARD_ERRORS * standard_error, what


# A weight of 1 and steps of 0.001


def stepped(param: Array, count: int = 300, **keywords: Any) -> Array:
    """Return a parameter after steps of SGD of which each takes 0.001."""
    grad = np.ones(param.shape, np.float32)
    for step in range(1, count + 1):
        reference.sgd_step(param, grad, step=step, lr=1e-3, **keywords)
    return param


def test_a_weight_to_nearest_stands_still() -> None:
    """Half a unit of bfloat16 below 1 is 0.00195."""
    assert stepped(np.ones(1, BFLOAT16)) == 1


def test_a_weight_to_nearest_stands_still_under_adam() -> None:
    param, exp_avg, exp_avg_sq = np.ones(1, BFLOAT16), *np.zeros((2, 1), np.float32)
    for step in range(1, 300):
        reference.adam_step(param, np.ones(1, BFLOAT16), exp_avg, exp_avg_sq, step=step)
    assert param == 1


def test_a_weight_that_is_rounded_stochastically_moves_as_it_should() -> None:
    moved = stepped(np.ones(COUNT, BFLOAT16), param_rounding="stochastic")
    assert_mean(moved, 1 - 300 * 1e-3)


def test_a_weight_with_its_master_moves_as_float32() -> None:
    param, rest = np.ones(1, BFLOAT16), np.zeros(1, np.int16)
    stepped(param, param_rest=rest)
    assert join_master(param, rest) == stepped(np.ones(1, np.float32))


# A mean of squares


def test_a_mean_of_squares_to_nearest_never_decays() -> None:
    exp_avg_sq = np.ones(1, BFLOAT16)
    decay(exp_avg_sq, "nearest")
    assert exp_avg_sq == 1


def test_a_mean_of_squares_that_is_rounded_stochastically_decays() -> None:
    exp_avg_sq = np.ones(COUNT, BFLOAT16)
    decay(exp_avg_sq, "stochastic")
    assert_mean(exp_avg_sq, 0.999**500)


def decay(exp_avg_sq: Array, rounding: Any) -> None:
    """Take 500 steps without gradient."""
    param, grad, exp_avg = np.zeros((3, exp_avg_sq.size), np.float32)
    for step in range(1, 501):
        reference.adam_step(
            param, grad, exp_avg, exp_avg_sq, step=step, beta2=0.999, state_rounding=rounding
        )


def test_the_spread_of_a_mean_of_squares() -> None:
    """It is right on average, and an element is off by some percent: less than u / sqrt(1 - b²)."""
    magnitudes = np.random.default_rng(0).uniform(0.8, 1.2, 1000).astype(np.float32)
    exp_avg_sq, exact = np.ones(COUNT, BFLOAT16), np.ones(COUNT, np.float32)
    param, exp_avg = np.zeros((2, COUNT), np.float32)
    for step, magnitude in enumerate(magnitudes, 1):
        grad = np.full(COUNT, magnitude)
        for square in (exp_avg_sq, exact):
            reference.adam_step(param, grad, exp_avg, square, step=step, beta2=0.99)
    expected = float(exact[0])
    assert_mean(exp_avg_sq, expected)
    spread = exp_avg_sq.astype(np.float64).std() / expected
    assert 0.01 < spread <= 2.0**-8 / np.sqrt(1 - 0.99**2)


def test_the_spread_of_a_mean_that_hardly_forgets() -> None:
    """Changes far below a unit are seldom stored at all, and so it is less than sqrt(2 u)."""
    beta2 = 0.9999
    exp_avg_sq, wanted = np.ones(COUNT, BFLOAT16), np.ones(COUNT, np.float32)
    param, exp_avg = np.zeros((2, COUNT), np.float32)
    for step in range(1, 20_001):
        grad = np.full(COUNT, 0 if step % 10 else np.sqrt(10), np.float32)
        for square in (exp_avg_sq, wanted):
            functional.adam_step(param, grad, exp_avg, square, step=step, beta2=beta2)
    expected = float(wanted[0])
    assert_mean(exp_avg_sq, expected)
    spread = exp_avg_sq.astype(np.float64).std() / expected
    assert 0.06 < spread <= np.sqrt(2 * 2.0**-8) < 2.0**-8 / np.sqrt(1 - beta2**2)


@every_half
@pytest.mark.parametrize("beta", [0.5, 0.9, 0.99, 0.999])
def test_a_mean_to_nearest_stands_still_below_half_a_unit(half: np.dtype[Any], beta: float) -> None:
    """As far from it as the bound says, to some roundings of float32; twice that is no longer."""
    unit, _, _ = precision.HALVES[half.name]
    rng = np.random.default_rng(0)
    means = (rng.choice([-1, 1], COUNT) * 2.0 ** rng.uniform(-3, 3, COUNT)).astype(half)
    widened = means.astype(np.float64)
    limit = float(unit / 2) * np.abs(widened) / (1 - beta)
    sign = rng.choice([-1, 1], COUNT)
    still = widened + sign * 0.99 * limit
    moving = widened + sign * 2.02 * limit
    share = 1 - exact.number(beta)
    for mean, value in zip(widened[:50].tolist(), still[:50].tolist(), strict=True):
        change = share * abs(exact.number(value) - exact.number(mean))
        assert change < unit * abs(exact.number(mean)) / 2
    for values, stays in ((still, True), (moving, False)):
        stored = means.copy()
        param, exp_avg_sq = np.zeros(COUNT, np.float32), np.ones(COUNT, np.float32)
        for step in range(1, 4):
            functional.adam_step(
                param,
                values.astype(np.float32),
                stored,
                exp_avg_sq,
                step=step,
                beta1=beta,
                state_rounding="nearest",
            )
        assert bool(np.all(stored == means)) == stays
        assert stays or not np.any(stored == means)


# A sum


def test_a_sum_to_nearest_stops_at_256_equal_gradients() -> None:
    total = sum_after(1000, np.zeros(1, BFLOAT16), "nearest")
    assert total == 256


def test_a_sum_that_is_rounded_stochastically_goes_on() -> None:
    total = sum_after(1000, np.zeros(COUNT, BFLOAT16), "stochastic")
    assert_mean(total, 1000)


def sum_after(count: int, state_sum: Array, rounding: Any) -> Array:
    param, grad = np.zeros((2, state_sum.size), np.float32)
    for step in range(1, count + 1):
        reference.adagrad_step(param, grad + 1, state_sum, step=step, state_rounding=rounding)
    return state_sum


# Every state that is linear in gradients that do not depend on it


LINEAR: dict[str, tuple[Callable[..., None], dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    "sgd": (reference.sgd_step, {"momentum": 0.9}, ("momentum_buffer",), ()),
    "adam": (reference.adam_step, {}, ("exp_avg", "exp_avg_sq"), ()),
    "rmsprop": (reference.rmsprop_step, {"lr": 1e-3}, ("square_avg", "grad_avg"), ()),
    "adagrad": (reference.adagrad_step, {}, ("state_sum",), ()),
    "adadelta": (reference.adadelta_step, {}, ("square_avg",), ("acc_delta",)),
}
"""A rule's function, its options, the states that are linear, and another that it takes."""


@every_half
@pytest.mark.parametrize(("rule", "options", "linear", "other"), LINEAR.values(), ids=LINEAR)
def test_the_mean_after_many_steps_is_that_of_float32(
    rule: Callable[..., None],
    options: dict[str, Any],
    linear: tuple[str, ...],
    other: tuple[str, ...],
    half: np.dtype[Any],
) -> None:
    """All elements have the same gradients: what they differ in comes of rounding."""
    grads = np.random.default_rng(0).standard_normal(200).astype(np.float32)
    stored = {name: np.zeros(COUNT, half) for name in linear + other}
    exact = {name: np.zeros(1, np.float32) for name in linear + other}
    param, one = np.zeros(COUNT, np.float32), np.zeros(1, np.float32)
    for step, grad in enumerate(grads, 1):
        rule(param, np.full(COUNT, grad), **stored, step=step, **options)
        rule(one, np.full(1, grad), **exact, step=step, **options)
    for name in linear:
        assert_mean(stored[name], float(exact[name][0]), name)
