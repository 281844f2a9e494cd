"""No element of a step is farther from the exact rule than docs/accuracy.md says."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import instep
from instep import functional, reference
from tests import cases
from tests.accuracy import exact
from tests.accuracy.check import assert_within_bounds, compare, elements, worst_of
from tests.accuracy.coefficients import bias_correction
from tests.accuracy.gradients import Gradient, conditioned, decayed
from tests.accuracy.inputs import FAMILIES
from tests.accuracy.precision import FLOAT64, precision
from tests.accuracy.rules import RULES, nadam
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates
from tests.cases import DTYPES, FROM_ZERO, HALVES, Case
from tests.optimizers import DESCRIPTIONS

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
CASES = [case for case in cases.CASES if case.rule in RULES]
"""Those of the rules for which docs/accuracy.md proves a bound."""

every_case = pytest.mark.parametrize("case", CASES, ids=str)
few_cases = pytest.mark.parametrize(
    "case", [case for case in cases.FEW_CASES if case in CASES], ids=str
)

STEPS = (1, 2, 1000, 2**31 + 1)

MOMENTS = ("exp_avg", "exp_avg_sq")

EXTREMES = (
    *(
        Case("adam", MOMENTS, {"lr": 1e-3, "beta1": beta1, "beta2": beta2, "eps": eps})
        for beta1, beta2 in (
            (0.9999, 0.999999),
            (1 - 2.0**-24, 1 - 2.0**-30),
            (1 - 2.0**-45, 1 - 2.0**-50),
            (1 - 2.0**-53, 1 - 2.0**-53),
            (2.0**-60, 1e-300),
            (0.0, 0.999),
        )
        for eps in (0.0, 1e-300, 1e-8, 1e30)
    ),
    Case("adam", MOMENTS, {"lr": 3.0, "weight_decay": 1 / 3, "decoupled_weight_decay": True}),
    Case("adam", MOMENTS, {"lr": 1e-30, "weight_decay": 1e-30, "decoupled_weight_decay": True}),
    *(
        Case("radam", MOMENTS, {"lr": 1e-3, "beta1": beta1, "beta2": beta2, "eps": eps})
        for beta1, beta2 in ((0.9999, 0.999999), (1 - 2.0**-45, 1 - 2.0**-50), (2.0**-60, 1e-300))
        for eps in (0.0, 1e-8, 1e30)
    ),
    *(
        Case("adamax", ("exp_avg", "exp_inf"), {"lr": 1e-3, "beta1": beta1, "eps": eps})
        for beta1 in (1 - 2.0**-24, 1 - 2.0**-45, 1 - 2.0**-53, 2.0**-60)
        for eps in (0.0, 1e-300, 1e30)
    ),
    *(
        Case("nadam", MOMENTS, {"lr": lr, "beta1": beta1, "eps": eps, "momentum_decay": decay})
        for lr, beta1, eps in (
            (1e-3, 1 - 2.0**-45, 0.0),
            (1e-3, 1 - 2.0**-53, 1e-8),
            (1e-310, 2.0**-60, 1e-300),
            (3.0, 1e-300, 1.0),
        )
        for decay in (0.0, 1e-310, 1.0, 1e9)
    ),
    Case("asgd", ("ax",), {"lr": 1e-310, "lambd": 1e-310, "t0": -1e308}),
    Case("asgd", ("ax",), {"lr": 3.0, "lambd": 1 / 3, "alpha": 1e3, "t0": 2.0**53}),
    Case("asgd", ("ax",), {"lr": 1e-3, "lambd": 1e30, "alpha": 1e15, "t0": 1.5}),
    Case("sgd", ("momentum_buffer",), {"lr": 1e-42, "momentum": 1e-42, "dampening": 1 - 1e-12}),
    Case("sgd", ("momentum_buffer",), {"lr": 1e-310, "momentum": 1e-310, "weight_decay": 1e-310}),
    Case("rmsprop", ("square_avg", "grad_avg"), {"lr": 1e-3, "alpha": 1 - 2.0**-40, "eps": 1e-3}),
    Case("rmsprop", ("square_avg", "grad_avg"), {"lr": 1e-3, "alpha": 1e-42, "eps": 1.0}),
    Case("adagrad", ("state_sum",), {"lr": 1e-3, "lr_decay": 1 / 3, "eps": 0.0}),
    Case("adagrad", ("state_sum",), {"lr": 1e-3, "lr_decay": 1e-300, "eps": 1e-44}),
    Case("adadelta", ("square_avg", "acc_delta"), {"lr": 1.0, "rho": 1 - 2.0**-50, "eps": 1e-44}),
)


@every_dtype
@every_case
def test_every_rule_and_option(case: Case, dtype: np.dtype[Any]) -> None:
    bounded_everywhere = ("ordinary", "wide", "from zero")
    for position, (name, family) in enumerate(FAMILIES.items()):
        step = STEPS[position % len(STEPS)]
        with np.errstate(all="ignore"):
            arrays = family(case, dtype, np.random.default_rng(position), 4)
        worst = worst_of(case, arrays, step)
        assert_within_bounds(worst)
        # Only a denominator may be all error, where a difference of squares stands below a root.
        if name in bounded_everywhere and "grad_avg" not in case.states:
            assert sum(array.without_bound for array in worst.values()) == 0


@every_dtype
@pytest.mark.parametrize("case", EXTREMES, ids=str)
def test_extreme_options(case: Case, dtype: np.dtype[Any]) -> None:
    for name in ("ordinary", "from zero", "small", "cancelling averages", "subnormal"):
        for step in (1, 2, 10, 2**31 + 1, 2**53 + 1):
            with np.errstate(all="ignore"):
                arrays = FAMILIES[name](case, dtype, np.random.default_rng(step), 2)
            assert_within_bounds(worst_of(case, arrays, step))


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
@pytest.mark.parametrize("half", HALVES, ids=str)
@few_cases
def test_what_is_stored_in_16_bits(case: Case, half: np.dtype[Any], rounding: str) -> None:
    options = {**case.options, "state_rounding": rounding, "param_rounding": rounding}
    stored = Case(case.rule, case.states, options)
    for position, family in enumerate(FAMILIES.values()):
        with np.errstate(all="ignore"):
            arrays = family(case, DTYPES[0], np.random.default_rng(position), 4)
            arrays = {
                name: array.astype(half) if array.ndim and not case.is_reduced(name) else array
                for name, array in arrays.items()
            }
        step = STEPS[position % len(STEPS)]
        assert_within_bounds(worst_of(stored, arrays, step))


@every_dtype
@few_cases
def test_conditioned_gradients(case: Case, dtype: np.dtype[Any]) -> None:
    for conditions in (
        {"grad_scale": 3.0},
        {"clip_value": 0.3},
        {"clip_norm": 0.7},
        {"grad_scale": 7.0, "clip_value": 0.1},
        {"grad_scale": 0.3, "clip_value": 0.2, "clip_norm": 0.7},
    ):
        arrays = FAMILIES["ordinary"](case, dtype, np.random.default_rng(0), 17)
        assert_within_bounds(worst_of(case, arrays, 2, conditions))


@every_dtype
@pytest.mark.parametrize("sizes", [(1,), (3, 0, 5), (12_300,), (15, 16, 17, 4097)], ids=str)
@pytest.mark.parametrize(
    "conditions",
    [
        {"clip_norm": 0.5},
        {"clip_norm": 1e-300},
        {"clip_norm": 1e6},
        {"grad_scale": 1 / 3, "clip_norm": 0.5},
        {"grad_scale": 1e-3, "clip_value": 1 / 3, "clip_norm": 0.5},
    ],
    ids=str,
)
def test_gradients_clipped_by_their_common_norm(
    dtype: np.dtype[Any], sizes: tuple[int, ...], conditions: dict[str, Any]
) -> None:
    rng = np.random.default_rng(len(sizes))
    grads = [(rng.standard_normal(size) * 10.0 ** rng.integers(-9, 1, size)) for size in sizes]
    grads = [grad.astype(dtype) for grad in grads]
    # From zero, at a rate of 1 and upwards, the new parameters are the conditioned gradients.
    params = [np.zeros_like(grad) for grad in grads]
    functional.sgd_step(params, grads, step=1, lr=1.0, maximize=True, **conditions)
    elements = [[exact.number(g) for g in grad.tolist()] for grad in grads]
    wanted = exact.condition(elements, **conditions)
    known = conditioned(precision(dtype), elements, wanted, **conditions)
    for param, gradients in zip(params, known, strict=True):
        for computed, gradient in zip(param.tolist(), gradients, strict=True):
            assert abs(exact.number(computed) - gradient.value) <= gradient.error


@every_dtype
@few_cases
def test_rows_that_come_more_than_once(case: Case, dtype: np.dtype[Any]) -> None:
    p = precision(dtype)
    rng = np.random.default_rng(0)
    arrays = FAMILIES["ordinary"](case, dtype, rng, 6)
    rows = rng.permutation(np.repeat(np.arange(6), 5))
    values = rng.standard_normal(30).astype(dtype)
    known = []
    for row in range(6):
        terms = [exact.number(value) for value in values[rows == row].tolist()]
        known.append(
            Gradient(sum(terms), sum(abs(term) for term in terms), p.gamma(len(terms) - 1))
        )
    computed = {name: array.copy() for name, array in arrays.items()}
    computed["grad"] = instep.RowGradient(rows, values)
    case.step(functional, computed, 2)
    assert_within_bounds(compare(case, arrays, known, computed, 2))


@pytest.mark.parametrize("step", [1, 2, 3, 10, 1000, 10**6, 2**31, 2**31 + 1, 2**53 + 1, 2**62])
@pytest.mark.parametrize("beta", [0.0, 1e-200, 0.3, 0.9, 0.999, 1 - 1e-9, 1 - 2.0**-45])
def test_bias_correction(beta: float, step: int) -> None:
    wanted, relative = bias_correction(exact.number(beta), step)
    computed = 1.0 - reference._common.power(beta, step)
    assert abs(computed - wanted) <= relative * wanted
    # At every step: 1 - beta ** t is at least (1 - beta) t beta ** (t - 1).
    if beta < 1 - 1e-6:
        assert relative <= 1.001 * FLOAT64.unit / (1 - exact.number(beta))


@pytest.mark.parametrize("step", [1, 2, 10, 1000, 2**31 + 1, 2**53 + 1, 2**62])
@pytest.mark.parametrize("decay", [0.0, 1e-310, 1e-12, 4e-3, 1.0, 10.0, 1e9])
def test_the_momentum_of_nadam(decay: float, step: int) -> None:
    param, grad, m, v = (np.ones(1) for _ in range(4))
    product = np.array(1.0)
    functional.nadam_step(param, grad, m, v, product, step=step, momentum_decay=decay)
    options = exact.all_options("nadam", {"momentum_decay": decay})
    wanted, relative = nadam.momentum(options, step), nadam.momentum_error(options, step)
    assert abs(exact.number(product.item()) - wanted) <= relative * wanted
    assert relative <= 4.001 * FLOAT64.unit


def test_a_coefficient_that_is_rounded_too_early_exceeds_the_bounds() -> None:
    def adam_step(*, beta2: float, **arguments: Any) -> None:
        early = 1.0 - float(np.float32(1.0) - np.float32(beta2))
        reference.adam_step(beta2=early, **arguments)

    case = Case("adam", MOMENTS, {"lr": 0.1, "beta2": 0.999})
    arrays = case.random_arrays(10, np.dtype(np.float32))
    worst = worst_of(case, arrays, kernel=types.SimpleNamespace(adam_step=adam_step))
    assert worst["exp_avg"].ratio <= 1
    assert worst["exp_avg_sq"].ratio > 1
    assert worst["param"].ratio > 1


def numbers(dtype: np.dtype[Any], *, from_zero: bool = False) -> st.SearchStrategy[float]:
    """Return finite numbers whose squares do not overflow."""
    largest = 2.0 ** (np.finfo(dtype).maxexp // 2 - 4)
    low = 0.0 if from_zero else -largest
    return st.floats(low, largest, width=32 if dtype.itemsize == 4 else 64)


@settings(max_examples=30)
@given(data=st.data())
@every_dtype
@few_cases
def test_any_options_and_values(case: Case, dtype: np.dtype[Any], data: st.DataObject) -> None:
    own = RULES[case.rule].OPTIONS
    if "momentum_buffer" not in case.states:
        own = {name: s for name, s in own.items() if name not in ("momentum", "dampening")}
    common = {"weight_decay": rates, "maximize": st.booleans()}
    common = {name: s for name, s in common.items() if name in cases.parameters_of(case.rule)}
    options = data.draw(st.fixed_dictionaries({"lr": rates}, optional={**common, **own}))
    if case.rule == "sgd" and options.get("momentum") and not options.get("dampening"):
        options["nesterov"] = data.draw(st.booleans())
    arrays = {
        name: np.array(
            data.draw(
                st.lists(numbers(dtype, from_zero=name in FROM_ZERO), min_size=2, max_size=2)
            ),
            dtype,
        )
        for name in ("param", "grad", *case.states)
    }
    for name in DESCRIPTIONS[case.rule].scalars:
        arrays[name] = np.array(data.draw(rates if name == "eta" else st.floats(0, 1)))
    step = data.draw(st.integers(1, 2**62))
    assert_within_bounds(worst_of(Case(case.rule, case.states, options), arrays, step))


@every_dtype
@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if "grad_avg" not in case.states
        and not {"beta3_warmup", "weight_decay", "eps_inside_sqrt", "eps_hat", "bias_correction"}
        & set(case.options)
    ],
    ids=str,
)
def test_the_bounds_in_short(case: Case, dtype: np.dtype[Any]) -> None:
    p = precision(dtype)
    rule, options = RULES[case.rule], exact.all_options(case.rule, case.options)
    arrays = FAMILIES["ordinary"](case, dtype, np.random.default_rng(0), 5)
    for before in elements(arrays):
        for number in (2, 100, 10**6):
            after = rule.exact_step(before, options, number)
            gradient = Gradient(before["grad"], abs(before["grad"]))
            gradient = decayed(p, before, gradient, options)
            step = Step(p, before, gradient, after, options, number)
            short = rule.bound_in_short(step)
            for name, bound in rule.bound(step).items():
                own = p.unit * abs(after[name]) if name == "param" else 0
                assert bound <= own + (1 + 1e-3) * p.unit * short[name], name
