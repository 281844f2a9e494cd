"""The reference against what the papers say, computed in another way."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep import reference
from instep.optimizers import class_of
from tests.cases import CASES, Arguments, Case, new_scalars, parameters_of
from tests.compare import assert_same_bits
from tests.optimizers import DESCRIPTIONS
from tests.optimizers.description import Options

GRADIENTS = (0.5, -2.0, 0.03, 0.0, -0.7, 4.0, 1e-6, 1.0)


def follow(case: Case, gradients: Iterable[float], **start: float) -> list[float]:
    """Return the parameter at the start and after each step; what is not given starts at 0."""
    arrays = {
        name: np.full(case.shape_of(name, 1), start.get(name, 0.0))
        for name in ("param", "grad", *case.states)
    }
    arrays |= new_scalars(case.rule, arrays["param"])
    path = [arrays["param"].item()]
    for number, gradient in enumerate(gradients, start=1):
        arrays["grad"][...] = gradient
        case.step(reference, arrays, number)
        path.append(arrays["param"].item())
    return path


def moves(case: Case, gradients: Iterable[float], **start: float) -> list[float]:
    """Return by how much each step changes a parameter that starts at 0."""
    return [
        after - before for before, after in itertools.pairwise(follow(case, gradients, **start))
    ]


def adam(*, amsgrad: bool = False, **options: Any) -> Case:
    more = ("max_exp_avg_sq",) if amsgrad else ()
    return Case("adam", ("exp_avg", "exp_avg_sq", *more), options)


def rmsprop(*, centered: bool = False, **options: Any) -> Case:
    more = (("grad_avg",) if centered else ()) + (
        ("momentum_buffer",) if "momentum" in options else ()
    )
    return Case("rmsprop", ("square_avg", *more), options)


def sgd(**options: Any) -> Case:
    return Case("sgd", ("momentum_buffer",) if "momentum" in options else (), options)


def adagrad(**options: Any) -> Case:
    return Case("adagrad", ("state_sum",), options)


def adadelta(**options: Any) -> Case:
    return Case("adadelta", ("square_avg", "acc_delta"), options)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.options.get("momentum", 0.0) <= 1], ids=str
)
def test_algorithm_as_it_is_documented(case: Case) -> None:
    described = DESCRIPTIONS[case.rule]
    options = {**defaults(case.rule), **case.options}
    theta = 1.5
    start = dict.fromkeys(described.begin_as_param, theta)
    states = {**dict.fromkeys(case.states, 0.0), **described.scalars, **start}
    decay = options.get("weight_decay", 0.0)
    expected = [theta]
    for t, gradient in enumerate(GRADIENTS, start=1):
        g = -gradient if options.get("maximize") else gradient
        kind = described.decay_of(options)
        if kind == "decoupled":
            theta = theta - options["lr"] * decay * theta
        elif kind == "coupled":
            g = g + decay * theta
        theta = described.formula(theta, g, states, options, t)
        expected.append(theta)
    assert follow(case, GRADIENTS, param=1.5, **start) == pytest.approx(expected, rel=1e-11)


def defaults(name: str) -> Options:
    """Return the defaults of the class with all options, by the names of its step function."""
    rule = class_of(name)._rule
    return rule.parts(rule.defaults)


# Signs and decay, for all rules alike


@pytest.mark.parametrize("case", CASES, ids=str)
def test_maximizing_is_minimizing_the_negative(case: Case) -> None:
    ascend = Case(case.rule, case.states, {**case.options, "maximize": True})
    descend = Case(case.rule, case.states, {**case.options, "maximize": False})
    up = case.random_arrays(50, np.dtype(np.float32))
    down = {name: -array if name == "grad" else array.copy() for name, array in up.items()}
    with np.errstate(all="ignore"):
        ascend.step(reference, up, number=3)
        descend.step(reference, down, number=3)
    for name in ("param", *case.states):
        assert_same_bits(up[name], down[name], name)


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case.options.get("weight_decay") == 0.1
        and DESCRIPTIONS[case.rule].decay_of(case.options) == "coupled"
    ],
    ids=str,
)
def test_coupled_decay_is_a_gradient_of_its_own(case: Case) -> None:
    options = {name: value for name, value in case.options.items() if name != "weight_decay"}
    decayed = case.random_arrays(50, np.dtype(np.float64))
    added = {name: array.copy() for name, array in decayed.items()}
    sign = -1.0 if options.get("maximize") else 1.0
    added["grad"] = decayed["grad"] + sign * 0.1 * decayed["param"]
    case.step(reference, decayed, number=3)
    Case(case.rule, case.states, options).step(reference, added, number=3)
    for name in ("param", *case.states):
        assert decayed[name] == pytest.approx(added[name], rel=1e-10, abs=1e-14)


# SGD


def test_sgd_momentum_sums_a_geometric_series() -> None:
    t, mu = 30, 0.9
    path = moves(sgd(lr=0.1, momentum=mu), [2.0] * t)
    assert path == pytest.approx([-0.1 * 2.0 * (1 - mu**k) / (1 - mu) for k in range(1, t + 1)])


def test_sgd_first_gradient_is_not_dampened() -> None:
    first, second = moves(sgd(lr=1.0, momentum=0.5, dampening=0.75), [8.0, 8.0])
    assert first == -8.0
    assert second == -(0.5 * 8.0 + 0.25 * 8.0)


def test_sgd_first_step_forgets_what_the_buffer_held() -> None:
    (move,) = moves(sgd(lr=1.0, momentum=0.5), [8.0], momentum_buffer=100.0)
    assert move == -8.0


def test_sgd_nesterov_looks_ahead() -> None:
    first, second = moves(sgd(lr=1.0, momentum=0.5, nesterov=True), [8.0, 0.0])
    assert first == -(8.0 + 0.5 * 8.0)
    assert second == -(0.5 * 4.0)


# Adam


@pytest.mark.parametrize("gradient", [1e-3, 1.0, -7.0, 1e5])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_moves_by_lr_along_a_constant_gradient(gradient: float, amsgrad: bool) -> None:
    case = adam(lr=0.01, eps=0.0, amsgrad=amsgrad)
    assert moves(case, [gradient] * 50) == pytest.approx([-0.01 * math.copysign(1, gradient)] * 50)


def test_adam_moves_most_when_a_gradient_is_the_first_of_all() -> None:
    # Kingma & Ba, section 2.1: lr (1 - beta1) / sqrt(1 - beta2), when all before were zero.
    *_, move = moves(adam(lr=0.01, eps=1e-30), [0.0] * 20_000 + [3.0])
    assert move == pytest.approx(-0.01 * (1 - 0.9) / math.sqrt(1 - 0.999), rel=1e-6)


def test_adam_eps_is_added_to_the_corrected_root() -> None:
    (move,) = moves(adam(lr=0.01, eps=0.5), [2.0])
    assert move == pytest.approx(-0.01 * 2.0 / (2.0 + 0.5))


def test_adam_eps_hat_is_added_to_the_uncorrected_root() -> None:
    (move,) = moves(adam(lr=0.01, eps=0.5, eps_hat=True), [2.0])
    assert move == pytest.approx(-0.01 * 2.0 / (2.0 + 0.5 / math.sqrt(1 - 0.999)))


def test_adam_without_bias_correction_starts_at_the_bare_moments() -> None:
    (move,) = moves(adam(lr=0.01, eps=0.5, bias_correction=False), [2.0])
    assert move == pytest.approx(-0.01 * 0.1 * 2.0 / (math.sqrt(0.001) * 2.0 + 0.5))


def test_adamw_shrinks_then_steps_as_adam() -> None:
    plain = moves(adam(lr=0.1), GRADIENTS)
    path = follow(
        adam(lr=0.1, weight_decay=0.25, decoupled_weight_decay=True), GRADIENTS, param=3.0
    )
    for (before, after), move in zip(itertools.pairwise(path), plain, strict=True):
        assert after == pytest.approx(before * (1 - 0.1 * 0.25) + move)


# AMSGrad


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_amsgrad_keeps_the_largest_second_moment(gradients: list[float]) -> None:
    case = adam(lr=0.1, eps=1e-3, beta2=0.5, amsgrad=True)
    arrays = {name: np.zeros(1) for name in ("param", "grad", *case.states)}
    seen = [0.0]
    for number, gradient in enumerate(gradients, start=1):
        arrays["grad"][0] = gradient
        case.step(reference, arrays, number)
        seen.append(float(arrays["exp_avg_sq"][0]))
        assert float(arrays["max_exp_avg_sq"][0]) == max(seen)


def test_amsgrad_converges_where_adam_does_not() -> None:
    # Reddi et al., theorem 1 and section 5: gradients C, -1, -1, … on [-1, 1], beta1 = 0,
    # beta2 = 1 / (1 + C²), lr / sqrt(t). The minimum is at -1; Adam goes to +1.
    ends = {}
    for amsgrad in (False, True):
        case = adam(lr=0.0, beta1=0.0, beta2=0.1, eps=0.0, bias_correction=False, amsgrad=amsgrad)
        arrays = {name: np.zeros(1) for name in ("param", "grad", *case.states)}
        for t in range(1, 6001):
            arrays["grad"][0] = 3.0 if t % 3 == 1 else -1.0
            scheduled = Case(case.rule, case.states, {**case.options, "lr": 0.5 / math.sqrt(t)})
            scheduled.step(reference, arrays, t)
            arrays["param"].clip(-1, 1, out=arrays["param"])
        ends[amsgrad] = float(arrays["param"][0])
    assert ends[False] > 0.9
    assert ends[True] < -0.9


@pytest.mark.parametrize("name", ["exp_avg_sq", "max_exp_avg_sq"])
def test_amsgrad_a_nan_reaches_the_parameter(name: str) -> None:
    # As the new v it replaces the maximum; as the old maximum it is forgotten: NaN > v is false.
    case = adam(lr=0.1, amsgrad=True)
    *_, end = follow(case, [1.0], **{name: math.nan})
    assert math.isnan(end) == (name == "exp_avg_sq")


# RMSprop


def test_rmsprop_eps_outside_and_inside_of_the_root() -> None:
    (outside,) = moves(rmsprop(lr=0.01, alpha=0.75, eps=0.5), [2.0])
    (inside,) = moves(rmsprop(lr=0.01, alpha=0.75, eps=0.5, eps_inside_sqrt=True), [2.0])
    assert outside == pytest.approx(-0.01 * 2.0 / (1.0 + 0.5))
    assert inside == pytest.approx(-0.01 * 2.0 / math.sqrt(1.0 + 0.5))


def test_rmsprop_approaches_lr_along_a_constant_gradient() -> None:
    path = moves(rmsprop(lr=0.01, alpha=0.5, eps=0.0), [-3.0] * 40)
    assert path == pytest.approx([0.01 / math.sqrt(1 - 0.5**t) for t in range(1, 41)])


def test_rmsprop_centered_divides_by_the_standard_deviation() -> None:
    # Graves, equations 38 to 45, for the two gradients 1 and 5 and alpha = 1/2 from zero states.
    _, move = moves(rmsprop(lr=1.0, alpha=0.5, eps=0.0, centered=True), [1.0, 5.0])
    mean = 0.5 * (0.5 * 1.0) + 0.5 * 5.0
    square = 0.5 * (0.5 * 1.0) + 0.5 * 25.0
    assert move == pytest.approx(-5.0 / math.sqrt(square - mean**2))


@pytest.mark.parametrize("eps_inside_sqrt", [False, True])
def test_rmsprop_centered_makes_no_nan_by_cancellation(eps_inside_sqrt: bool) -> None:
    case = rmsprop(lr=0.01, alpha=0.5, eps=1e-8, eps_inside_sqrt=eps_inside_sqrt, centered=True)
    arrays: Arguments = {
        name: np.zeros(1000, np.float32) for name in ("param", "grad", *case.states)
    }
    arrays["grad"][:] = np.linspace(1, 2, 1000)
    below_zero = 0
    for _ in range(60):
        case.step(reference, arrays)
        variance = arrays["square_avg"] - arrays["grad_avg"] * arrays["grad_avg"]
        below_zero += int((variance < 0).sum())
        assert np.isfinite(arrays["param"]).all()
    assert below_zero > 0


@pytest.mark.parametrize("name", ["square_avg", "grad_avg"])
def test_rmsprop_centered_a_nan_stays_one(name: str) -> None:
    *_, end = follow(rmsprop(lr=0.01, centered=True), [1.0], **{name: math.nan})
    assert math.isnan(end)


def test_rmsprop_momentum_sums_the_quotients() -> None:
    plain = moves(rmsprop(lr=0.1), GRADIENTS)
    heavy = moves(rmsprop(lr=0.1, momentum=0.5), GRADIENTS)
    sums = itertools.accumulate(plain, lambda buffer, quotient: 0.5 * buffer + quotient)
    assert heavy == pytest.approx(list(sums))


# Adagrad


def test_adagrad_moves_by_lr_over_the_root_of_the_step() -> None:
    path = moves(adagrad(lr=0.5, eps=0.0), [-3.0] * 40)
    assert path == pytest.approx([0.5 / math.sqrt(t) for t in range(1, 41)])


def test_adagrad_decays_the_learning_rate_from_the_second_step_on() -> None:
    plain = moves(adagrad(lr=0.5), GRADIENTS)
    decayed = moves(adagrad(lr=0.5, lr_decay=0.25), GRADIENTS)
    expected = [move / (1 + 0.25 * t) for t, move in enumerate(plain)]
    assert decayed == pytest.approx(expected)


def test_adagrad_eps_outside_and_inside_of_the_root() -> None:
    (outside,) = moves(adagrad(lr=1.0, eps=0.5), [2.0])
    (inside,) = moves(adagrad(lr=1.0, eps=0.5, eps_inside_sqrt=True), [2.0])
    assert outside == pytest.approx(-2.0 / (2.0 + 0.5))
    assert inside == pytest.approx(-2.0 / math.sqrt(4.0 + 0.5))


# Adadelta


def test_adadelta_first_step() -> None:
    (move,) = moves(adadelta(lr=1.0, rho=0.75, eps=0.5), [2.0])
    assert move == pytest.approx(-math.sqrt(0.5) / math.sqrt(0.25 * 4.0 + 0.5) * 2.0)


def test_adadelta_has_the_units_of_the_parameter() -> None:
    # Zeiler, section 3.2: the scale of the gradient cancels.
    small = follow(adadelta(lr=1.0, eps=0.0), [1.0, -3.0, 0.5], acc_delta=0.25)
    large = follow(adadelta(lr=1.0, eps=0.0), [1e6, -3e6, 0.5e6], acc_delta=0.25)
    assert small == pytest.approx(large)


def test_adadelta_rho_one_keeps_the_means() -> None:
    case = adadelta(lr=1.0, rho=1.0, eps=0.0)
    path = moves(case, [3.0, -5.0], square_avg=4.0, acc_delta=1.0)
    assert path == pytest.approx([-0.5 * 3.0, 0.5 * 5.0])


# AdEMAMix


def ademamix(**options: Any) -> Case:
    return Case("ademamix", ("exp_avg_fast", "exp_avg_slow", "exp_avg_sq"), options)


def test_ademamix_grows_by_the_weight_of_the_slow_mean() -> None:
    path = moves(ademamix(lr=0.01, eps=0.0, beta3=0.5, alpha=4.0), [-3.0] * 80)
    assert path == pytest.approx([0.01 * (1 + 4.0 * (1 - 0.5**t)) for t in range(1, 81)])


def test_ademamix_without_the_slow_mean_is_adam() -> None:
    ours = follow(ademamix(lr=0.1, alpha=0.0), GRADIENTS, param=1.5)
    assert ours == pytest.approx(follow(adam(lr=0.1), GRADIENTS, param=1.5))


def test_ademamix_the_half_life_of_the_slow_mean_warms_up_linearly() -> None:
    case = ademamix(lr=0.1, beta1=0.9, beta3=0.999, beta3_warmup=100.0)
    rates = []
    for step in range(1, 103):
        arrays = {name: np.zeros(1) for name in ("param", "grad", *case.states)}
        arrays["exp_avg_slow"][0] = 1.0  # of which the decay rate is left
        with np.errstate(invalid="ignore"):
            case.step(reference, arrays, step)
        rates.append(float(arrays["exp_avg_slow"][0]))
    assert rates[99:] == [0.999] * 3
    half_lives = [math.log(0.5) / math.log(rate) for rate in (0.9, *rates[:100])]
    assert np.diff(half_lives) == pytest.approx([(half_lives[-1] - half_lives[0]) / 100] * 100)


# Adan


def adan(**options: Any) -> Case:
    return Case("adan", ("exp_avg", "exp_avg_sq", "exp_avg_diff", "neg_pre_grad"), options)


@pytest.mark.parametrize("gradient", [1e-3, -7.0])
def test_adan_moves_by_lr_along_a_constant_gradient(gradient: float) -> None:
    path = moves(adan(lr=0.01, eps=0.0), [gradient] * 50, neg_pre_grad=3.0)
    assert path == pytest.approx([-0.01 * math.copysign(1, gradient)] * 50)


def test_adan_adds_the_mean_change_of_the_gradient() -> None:
    # Without memory: the gradient and beta2 of its change, over its size.
    _, move = moves(adan(lr=1.0, eps=0.0, beta1=0.0, beta2=0.5, beta3=0.0), [4.0, 2.0])
    change = 0.5 * (2.0 - 4.0) / (1.0 - 0.5**2)
    assert move == pytest.approx(-(2.0 + 0.5 * change) / abs(2.0 + 0.5 * (2.0 - 4.0)))


def test_adan_decays_after_the_step_or_before() -> None:
    *_, after = follow(adan(lr=0.5, weight_decay=4.0), [1.0], param=3.0)
    *_, before = follow(adan(lr=0.5, weight_decay=4.0, no_prox=True), [1.0], param=3.0)
    assert after == pytest.approx((3.0 - 0.5) / 3.0)
    assert before == pytest.approx(-3.0 - 0.5)


# FTRL


def ftrl(**options: Any) -> Case:
    return Case("ftrl", ("accumulator", "linear"), options)


def test_ftrl_without_regularization_is_adagrad() -> None:
    ours = follow(ftrl(lr=0.3), GRADIENTS, accumulator=0.25)
    assert ours == pytest.approx(follow(adagrad(lr=0.3, eps=0.0), GRADIENTS, state_sum=0.25))


@pytest.mark.parametrize("maximize", [False, True])
def test_ftrl_l1_keeps_exact_zeros_as_long_as_gradients_add_up_to_less(maximize: bool) -> None:
    path = moves(ftrl(lr=0.5, l1=2.0, maximize=maximize), [0.5, -1.5, -1.0, 3.0, 2.0])
    assert path[:-1] == [0.0] * 4
    assert [math.copysign(1, move) for move in path[:-1]] == [1.0] * 4
    assert abs(path[-1]) > 0.0


def test_ftrl_l1_and_l2_of_one_gradient() -> None:
    # The minimum of 4 w + |w| + 3 w² + (4 / 0.5) w² / 2.
    (move,) = moves(ftrl(lr=0.5, l1=1.0, l2=3.0), [4.0])
    assert move == pytest.approx(-(4.0 - 1.0) / (4.0 / 0.5 + 2 * 3.0))


def test_ftrl_draws_to_zero_what_starts_elsewhere() -> None:
    *_, untouched = follow(ftrl(lr=0.5), [0.0], param=3.0, accumulator=1.0)
    *_, touched = follow(ftrl(lr=0.5), [math.sqrt(3.0)], param=3.0, accumulator=1.0)
    assert untouched == 0.0
    assert touched == pytest.approx((3.0 * (2.0 - 1.0) - 0.5 * math.sqrt(3.0)) / 2.0)


def test_ftrl_a_nan_reaches_the_parameter() -> None:
    *_, end = follow(ftrl(lr=0.5, l1=1.0), [math.nan], accumulator=1.0)
    assert math.isnan(end)


# Lion


@pytest.mark.parametrize("gradient", [1e-30, 1.0, -7.0, 1e30])
def test_lion_moves_by_lr_along_a_constant_gradient(gradient: float) -> None:
    case = Case("lion", ("exp_avg",), {"lr": 0.25})
    assert moves(case, [gradient] * 5) == [-0.25 * math.copysign(1, gradient)] * 5


def test_lion_goes_by_the_mean_before_it_takes_the_gradient_in() -> None:
    case = Case("lion", ("exp_avg",), {"lr": 0.25, "beta1": 0.75, "beta2": 0.5})
    # Directions: 1/4 of 1; 3/4 of 1/2 and 1/4 of -1; 3/4 of -1/4 and 1/4 of 0.75.
    assert moves(case, [1.0, -1.0, 0.75]) == [-0.25, -0.25, 0.0]


def test_lion_a_nan_reaches_the_parameter() -> None:
    *_, end = follow(Case("lion", ("exp_avg",), {"lr": 0.25}), [math.nan])
    assert math.isnan(end)


# Options that change nothing at the value that switches them off


@pytest.mark.parametrize("case", CASES, ids=str)
def test_options_switched_off_change_nothing(case: Case) -> None:
    off = {"weight_decay": 0.0, "maximize": False, **DESCRIPTIONS[case.rule].off}
    off = {name: v for name, v in off.items() if name in parameters_of(case.rule)}
    options = {name: v for name, v in case.options.items() if name not in off}
    arrays = case.random_arrays(50, np.dtype(np.float64))
    same = {name: array.copy() for name, array in arrays.items()}
    with np.errstate(all="ignore"):
        Case(case.rule, case.states, options).step(reference, arrays, number=3)
        Case(case.rule, case.states, options | off).step(reference, same, number=3)
    for name, array in arrays.items():
        assert_same_bits(same[name], array, name)


@pytest.mark.parametrize(
    ("plain", "with_buffer"),
    [(sgd(lr=0.1), sgd(lr=0.1, momentum=0.0)), (rmsprop(lr=0.1), rmsprop(lr=0.1, momentum=0.0))],
    ids=["sgd", "rmsprop"],
)
def test_a_buffer_without_momentum_changes_nothing(plain: Case, with_buffer: Case) -> None:
    assert follow(plain, GRADIENTS, param=1.5) == follow(with_buffer, GRADIENTS, param=1.5)


def test_without_decay_it_makes_no_difference_whether_it_is_coupled() -> None:
    coupled, decoupled = (
        follow(adam(lr=0.1, decoupled_weight_decay=flag), GRADIENTS, param=1.5)
        for flag in (False, True)
    )
    assert coupled == decoupled
