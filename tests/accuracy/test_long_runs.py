"""What many steps do: coefficients that settle, counts beyond 2**31, moments that do not drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from instep import functional, reference
from tests.accuracy import exact
from tests.accuracy.coefficients import adam_coefficients, coefficient
from tests.accuracy.precision import FLOAT64, precision
from tests.accuracy.rules import nadam
from tests.cases import DTYPES, Array
from tests.compare import assert_same_bits

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)

STEPS = (1, 10, 1000, 10**6, 2**31 - 1, 2**31, 2**31 + 1, 2**53 + 1, 2**62)
every_step = pytest.mark.parametrize("step", STEPS)


@every_step
@every_dtype
@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.5, 0.25)])
def test_the_step_size_of_adam(dtype: np.dtype[Any], step: int, beta1: float, beta2: float) -> None:
    """Moments that stay at 1 leave a quotient of 1: what is subtracted from 0 is the step size."""
    lr = 0.3
    param, grad, m, v = np.zeros(1, dtype), *(np.ones(1, dtype) for _ in range(3))
    functional.adam_step(param, grad, m, v, step=step, lr=lr, beta1=beta1, beta2=beta2, eps=0.0)
    assert m == v == 1
    size, _ = adam_coefficients(
        precision(dtype), *map(exact.number, (lr, beta1, beta2, 0.0)), step, False
    )
    assert abs(-exact.number(param.item()) - size.value) <= size.relative * size.value
    if step >= 10**6:
        assert param == -dtype.type(lr)


@every_step
@every_dtype
def test_the_step_size_of_adagrad(dtype: np.dtype[Any], step: int) -> None:
    lr, decay = 0.3, 0.1
    param, grad, total = np.zeros(1, dtype), np.ones(1, dtype), np.zeros(1, dtype)
    functional.adagrad_step(param, grad, total, step=step, lr=lr, lr_decay=decay, eps=0.0)
    wanted = exact.number(lr) / (1 + (step - 1) * exact.number(decay))
    size = coefficient(precision(dtype), wanted, FLOAT64.gamma(4))
    assert abs(-exact.number(param.item()) - wanted) <= size.relative * wanted


@pytest.mark.parametrize("count", [2**31 - 2, 2**31 - 1, 2**31, 2**53, 2**53 + 1, 2**62])
@every_dtype
def test_counts_beyond_what_32_bits_hold(dtype: np.dtype[Any], count: int) -> None:
    grad = np.array([0.5, -2.0, 3.0], dtype)
    for optimizer, step in (
        (instep.Adam(np.ones(3, dtype), lr=0.1), reference.adam_step),
        (instep.Adagrad(np.ones(3, dtype), lr=0.1, lr_decay=0.01), reference.adagrad_step),
    ):
        optimizer.step(grad)
        loaded = optimizer.state_dict()
        loaded["state"][0]["step"] = count
        optimizer.load_state_dict(loaded)
        for number in (count + 1, count + 2):
            assert_next_step_equals(optimizer, step, grad, number)


def assert_next_step_equals(optimizer: Any, step: Any, grad: Array, number: int) -> None:
    """Take step `number` with an optimizer of one parameter and with the reference."""
    rule = optimizer._rule
    options = rule.step_options({name: getattr(optimizer, name) for name in rule.hyperparameters})
    before = optimizer.state_dict()["state"][0]
    assert before.pop("step") == number - 1
    [param] = optimizer.param_groups[0]["params"]
    wanted = {name: array.copy() for name, array in before.items()}
    wanted_param = param.copy()
    step(wanted_param, grad, **rule.step_states(wanted), step=number, **options)
    optimizer.step(grad)
    assert_same_bits(param, wanted_param, f"parameter after step {number}")
    after = optimizer.state_dict()["state"][0]
    assert after["step"] == number
    for name, array in wanted.items():
        assert_same_bits(after[name], array, f"{name} after step {number}")


def test_the_product_of_nadam_drifts_by_its_roundings_alone() -> None:
    """Until it underflows, and on."""
    options = exact.all_options("nadam", {"beta1": 0.5})
    param, grad, m, v = (np.ones(1) for _ in range(4))
    product, wanted = np.array(1.0), exact.number(1)
    doubles = FLOAT64
    for step in range(1, 1501):
        functional.nadam_step(param, grad, m, v, product, step=step, beta1=0.5)
        wanted *= nadam.momentum(options, step)
        limit = doubles.gamma(6 * step) * wanted + 2 * doubles.smallest / (1 - options["beta1"])
        assert abs(exact.number(product.item()) - wanted) <= limit
    assert wanted < doubles.smallest


MILLION = 10**6
PERIOD = 8


def gradients(dtype: np.dtype[Any]) -> list[Array]:
    """Return one period of gradients of three elements, at most 1."""
    return list(np.random.default_rng(0).uniform(-1, 1, (PERIOD, 3)).astype(dtype))


@every_dtype
@pytest.mark.parametrize(
    ("optimizer", "step", "options"),
    [
        (instep.SGD, reference.sgd_step, {"momentum": 0.9}),
        (instep.Adam, reference.adam_step, {}),
        (instep.AMSGrad, reference.adam_step, {}),
        (instep.RMSprop, reference.rmsprop_step, {"centered": True}),
        (instep.Adagrad, reference.adagrad_step, {"lr_decay": 0.01}),
        (instep.Adadelta, reference.adadelta_step, {}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_million_steps(
    dtype: np.dtype[Any], optimizer: Any, step: Any, options: dict[str, Any]
) -> None:
    p = precision(dtype)
    stepped = optimizer(np.zeros(3, dtype), lr=1e-3, **options)
    grads = gradients(dtype)
    take = stepped.step
    for _ in range(MILLION // PERIOD):
        for grad in grads:
            take(grad)
    states = stepped.state_dict()["state"][0]
    averages = {
        "Adam": [("exp_avg", 0.9, 1), ("exp_avg_sq", 0.999, 2)],
        "RMSprop": [("grad_avg", 0.99, 1), ("square_avg", 0.99, 2)],
        "Adadelta": [("square_avg", 0.9, 2)],
    }
    for name, decay, power in averages.get(optimizer.__name__, ()):
        # An error fades as the terms do: from step to step it grows to no more than this.
        one_step = p.gamma(2 + power)
        limit = (one_step + 10 * p.smallest) / (1 - exact.number(decay) * (1 + one_step))
        for element in range(3):
            terms = [exact.number(grad[element].item()) ** power for grad in grads]
            wanted = average_of_a_million(decay, terms)
            assert abs(exact.number(states[name][element].item()) - wanted) <= limit
    if optimizer is instep.Adagrad:
        # A sum of squares has no such luck: each step adds a rounding of the whole.
        for element in range(3):
            terms = [exact.number(grad[element].item()) ** 2 for grad in grads]
            wanted = sum(terms) * (MILLION // PERIOD)
            error = abs(exact.number(states["sum"][element].item()) - wanted)
            assert error <= p.gamma(MILLION + 1) * wanted
    assert_next_step_equals(stepped, step, grads[0], MILLION + 1)


def average_of_a_million(decay: float, terms: list[exact.Real]) -> exact.Real:
    """Return the moving average of periodic terms from 0 on, after a million steps."""
    beta = exact.number(decay)
    period = (1 - beta) * sum(beta**age * term for age, term in enumerate(reversed(terms)))
    return period * (1 - beta**MILLION) / (1 - beta**PERIOD)


def test_a_sum_in_float32_stops_where_a_square_is_half_a_unit_of_it() -> None:
    param, grad = np.zeros(1, np.float32), np.ones(1, np.float32)
    total = np.full(1, 2**24, np.float32)
    functional.adagrad_step(param, grad, total, step=2**24 + 1, lr=1.0)
    assert total == 2**24
