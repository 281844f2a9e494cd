"""minimize() by a method of instep takes an optimizer's steps, and answers as scipy's own do."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import instep
from instep.schedules import CosineDecay
from tests.cases import HALVES, Array

optimize: Any = pytest.importorskip("scipy.optimize")

from instep.interop.scipy import method

START = np.array([-1.0, 2.0, 0.5])
CURVATURE = np.array([1.0, 3.0, 0.5])


def value(x: Array) -> Any:
    return 0.5 * np.sum(CURVATURE.astype(x.dtype) * x**2)


def gradient(x: Array) -> Array:
    return CURVATURE.astype(x.dtype) * x


def pair(x: Array) -> tuple[Any, Array]:
    return value(x), gradient(x)


def points_by_hand(
    make: Callable[..., instep.Optimizer],
    start: Array,
    steps: int,
    gradient: Callable[[Array], Array] = gradient,
    **options: Any,
) -> list[Array]:
    """Return where a plain loop comes to, step by step."""
    x = start.copy()
    optimizer = make(x, **options)
    points = []
    for _ in range(steps):
        optimizer.step(gradient(x))
        points.append(x.copy())
    return points


def minimized(fun: Any = pair, x0: Any = START, *, steps: int | None = 5, **given: Any) -> Any:
    """Minimize by plain SGD where nothing else is said, for a number of steps."""
    given = {"jac": True, "method": method(instep.SGD, lr=0.25), **given}
    if steps is not None:
        given["options"] = {"maxiter": steps, "gtol": 0.0, **given.get("options", {})}
    return optimize.minimize(fun, x0, **given)


OPTIMIZERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "SGD": (instep.SGD, {"lr": 0.1}),
    "momentum": (instep.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "Adam": (instep.Adam, {}),
    "AdamW": (instep.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
    "AMSGrad": (instep.AMSGrad, {"lr": 0.01}),
    "RMSprop": (instep.RMSprop, {"centered": True}),
    "Adagrad": (instep.Adagrad, {"lr": 0.5}),
    "Adadelta": (instep.Adadelta, {}),
    "a schedule": (instep.Adam, {"lr": CosineDecay(0.1, steps=20)}),
    "a callable rate": (instep.SGD, {"lr": lambda step: 0.1 / (step + 1)}),
    "a callable decay": (instep.AdamW, {"weight_decay": lambda step: 0.1 / (step + 1)}),
    "a clipped gradient": (instep.SGD, {"lr": 0.1, "clip_norm": 0.5}),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("make", "options"), OPTIMIZERS.values(), ids=list(OPTIMIZERS))
def test_it_comes_where_a_loop_by_hand_comes_bit_for_bit(
    make: Any, options: dict[str, Any], dtype: Any
) -> None:
    start = START.astype(dtype)
    result = minimized(x0=start, method=method(make, **options), steps=25)
    *_, last = points_by_hand(make, start, 25, **options)
    assert result.x.dtype == dtype
    assert result.x.tobytes() == last.tobytes()
    assert start.tolist() == START.tolist()


def test_the_result_is_that_of_the_last_point() -> None:
    result = minimized(method=method(instep.SGD, lr=0.7), steps=7)  # which climbs: 0.7 · 3 > 2
    assert isinstance(result, optimize.OptimizeResult)
    assert (result.nit, result.nfev, result.njev) == (7, 8, 8)
    assert result.fun == value(result.x) > value(START)
    assert type(result.fun) is float
    assert result.jac.tolist() == gradient(result.x).tolist()


GRADIENTS: dict[str, dict[str, Any]] = {
    "of a pair": {"fun": pair, "jac": True},
    "apart": {"fun": value, "jac": gradient},
    "with arguments": {
        "fun": lambda x, a, b: a * b * value(x),
        "jac": lambda x, a, b: a * b * gradient(x),
        "args": (2.0, 0.5),
    },
    "with an argument": {"fun": lambda x, a: (value(x), a * gradient(x)), "args": 1.0},
    "a list": {"fun": lambda x: (value(x), gradient(x).tolist())},
    "a value with an axis": {"fun": lambda x: (value(x).reshape(1), gradient(x))},
    "a value of float32": {"fun": lambda x: (np.float32(value(x)), gradient(x))},
}


@pytest.mark.parametrize("given", GRADIENTS.values(), ids=list(GRADIENTS))
def test_ways_to_pass_function_and_gradient(given: dict[str, Any]) -> None:
    assert minimized(**given).x.tobytes() == minimized().x.tobytes()


@pytest.mark.parametrize(
    ("dtype", "gradients"), [(np.float64, np.float32), (np.float32, np.float64), (np.float64, int)]
)
def test_a_gradient_is_cast_to_the_dtype_of_the_point(dtype: Any, gradients: Any) -> None:
    result = minimized(lambda x: (value(x), gradient(x).astype(gradients)), START.astype(dtype))
    *_, last = points_by_hand(
        instep.SGD,
        START.astype(dtype),
        5,
        lambda x: gradient(x).astype(gradients).astype(dtype),
        lr=0.25,
    )
    assert result.x.tobytes() == last.tobytes()


@pytest.mark.parametrize("jac", [None, False, "2-point", "3-point"])
def test_without_a_gradient_it_takes_scipy_s_differences(jac: Any) -> None:
    result = minimized(value, jac=jac)
    *_, last = points_by_hand(
        instep.SGD, START, 5, lambda x: optimize.approx_fprime(x, value), lr=0.25
    )
    assert result.x.tobytes() == last.tobytes()
    assert (result.nfev, result.njev) == (6 * (1 + len(START)), 6)


def test_the_step_of_differences() -> None:
    result = minimized(value, jac=None, options={"eps": 0.5})
    *_, last = points_by_hand(
        instep.SGD, START, 5, lambda x: optimize.approx_fprime(x, value, 0.5), lr=0.25
    )
    assert result.x.tobytes() == last.tobytes()


STARTS: dict[str, tuple[Any, bool, Any]] = {
    "integers": ([-1, 2, 1], True, np.float64),
    "unsigned integers": (np.array([1, 2, 1], np.uint8), True, np.float64),
    "bool": (np.array([True, False, True]), True, np.float64),
    "float16": (START.astype(np.float16), True, np.float64),
    "float32": (START.astype(np.float32), True, np.float32),
    "float32 without a gradient": (START.astype(np.float32), False, np.float64),
    "long double": (START.astype(np.longdouble), True, np.float64),
    "other byte order": (START.astype(START.dtype.newbyteorder()), True, np.float64),
    "strided": (np.repeat(START, 2)[::2], True, np.float64),
    "read-only": (np.broadcast_to(1.0, 3), True, np.float64),
}


@pytest.mark.parametrize(("x0", "has_gradient", "dtype"), STARTS.values(), ids=list(STARTS))
def test_the_point_s_dtype(x0: Any, has_gradient: bool, dtype: Any) -> None:
    dtypes = set()

    def fun(x: Array) -> Any:
        dtypes.add(x.dtype)
        return pair(x) if has_gradient else value(x)

    before = np.array(x0)
    result = minimized(fun, x0, jac=has_gradient or None)
    assert dtypes == {result.x.dtype} == {np.dtype(dtype)}
    assert np.array(x0).tobytes() == before.tobytes()
    assert result.fun < value(before.astype(float))


def test_a_number_is_a_point_of_one_element() -> None:
    result = minimized(lambda x: (x[0] ** 2, 2 * x[0]), 3, steps=None)
    assert result.success
    assert result.x.shape == result.jac.shape == (1,)


def test_no_elements() -> None:
    result = minimized(lambda x: (0.0, x), [], steps=None)
    assert (result.success, result.nit, result.x.shape) == (True, 0, (0,))


def test_a_function_may_keep_its_argument_and_write_into_it() -> None:
    seen = []

    def keeping(function: Callable[[Array], Any]) -> Callable[[Array], Any]:
        def called(x: Array) -> Any:
            seen.append(x)
            found = function(x)
            x[:] = math.nan
            return found

        return called

    assert minimized(keeping(pair)).x.tobytes() == minimized().x.tobytes()
    apart = minimized(keeping(value), jac=keeping(gradient))
    assert apart.x.tobytes() == minimized().x.tobytes()
    assert len({id(x) for x in seen}) == len(seen) == 6 + 12


def test_a_function_may_return_its_argument_or_one_buffer_as_the_gradient() -> None:
    buffer = np.empty(3)

    def into_buffer(x: Array) -> tuple[Any, Array]:
        return value(x), np.multiply(CURVATURE, x, out=buffer)

    result = minimized(into_buffer)
    assert result.x.tobytes() == minimized().x.tobytes()
    assert not np.shares_memory(result.jac, buffer)
    result = minimized(lambda x: (0.5 * x @ x, x))
    assert result.x.tolist() == (START * 0.75**5).tolist()


def test_a_callback_gets_each_new_point() -> None:
    expected = points_by_hand(instep.SGD, START, 5, lr=0.25)
    points: list[Array] = []
    minimized(callback=points.append)
    assert [x.tobytes() for x in points] == [x.tobytes() for x in expected]

    results: list[Any] = []

    def callback(intermediate_result: Any) -> None:
        results.append(intermediate_result)

    minimized(callback=callback)
    assert [each.x.tobytes() for each in results] == [x.tobytes() for x in expected]
    assert [each.fun for each in results] == [value(x) for x in expected]


def test_a_callback_may_write_into_its_point_and_return_what_it_likes() -> None:
    def callback(x: Array) -> bool:
        x[:] = math.nan
        return True

    assert minimized(callback=callback).x.tobytes() == minimized().x.tobytes()


def stop_after(calls: int) -> Callable[[Array], None]:
    """Return a callback that ends a minimization."""
    points = []

    def callback(xk: Array) -> None:
        points.append(xk)
        if len(points) == calls:
            raise StopIteration

    return callback


def square(x: Array) -> tuple[Any, Array]:
    return x[0] ** 2, 2 * x


# Of minimize(square, [2.0]) by SGD(lr=0.25), which halves x at each step: what it is given, its
# status and its number of steps.
ENDINGS: dict[str, tuple[dict[str, Any], int, int]] = {
    "gtol, exactly": ({"options": {"gtol": 0.5}}, 0, 3),
    "gtol": ({"options": {"gtol": 0.49}}, 0, 4),
    "gtol at the beginning": ({"options": {"gtol": 4}}, 0, 0),
    "a gradient of 0": ({"x0": [0.0], "options": {"gtol": 0}}, 0, 0),
    "gtol by default": ({}, 0, 19),
    "tol": ({"tol": 0.5}, 0, 3),
    "gtol before tol": ({"tol": 0.1, "options": {"gtol": 0.5}}, 0, 3),
    "maxiter": ({"options": {"maxiter": 2}}, 1, 2),
    "maxiter, a float": ({"options": {"maxiter": 2e0}}, 1, 2),
    "maxiter of infinity": ({"options": {"maxiter": math.inf}}, 0, 19),
    "maxiter of 0": ({"options": {"maxiter": 0}}, 1, 0),
    "maxiter and gtol at once": ({"options": {"maxiter": 3, "gtol": 0.5}}, 0, 3),
    "maxiter by default": ({"fun": lambda x: (x[0], np.ones(1))}, 1, 15_000),
    "a gtol below 0 asks for none": ({"x0": [0.0], "options": {"maxiter": 9, "gtol": -1}}, 1, 9),
    "xtol, exactly": ({"options": {"xtol": 0.5}}, 0, 2),  # a step of 0.5 to 0.5
    "xtol": ({"options": {"xtol": 0.4}}, 0, 3),
    "the callback": ({"callback": stop_after(2)}, 99, 2),
    "the callback and gtol at once": ({"callback": stop_after(3), "tol": 0.5}, 99, 3),
    "a value of NaN": ({"fun": lambda x: (math.nan if x < 1 else 0, 2 * x)}, 3, 2),
    "a value of infinity": ({"fun": lambda x: (-math.inf if x < 1 else 0, 2 * x)}, 3, 2),
    "a value of NaN in the minimum": ({"fun": lambda x: (math.nan, 0 * x)}, 3, 0),
    "a gradient of NaN": ({"fun": lambda x: (0.0, 2 * x if x > 1 else x * math.nan)}, 3, 1),
    "a gradient of infinity": ({"fun": lambda x: (0.0, x * math.inf)}, 3, 0),
    "NaN and maxiter at once": (
        {"fun": lambda x: (0.0, 2 * x if x > 1 else x * math.nan), "options": {"maxiter": 1}},
        3,
        1,
    ),
    "NaN at the start": ({"x0": [math.nan]}, 3, 0),
    "NaN before a guard": (
        {
            "fun": lambda x: (0.0, x * math.nan),
            "method": method(instep.SGD, nonfinite="raise"),
        },
        3,
        0,
    ),
}
MESSAGES = {
    0: "Optimization terminated successfully.",
    1: "Maximum number of iterations has been exceeded.",
    3: "NaN or infinite result encountered.",
    99: "`callback` raised `StopIteration`.",
}


@pytest.mark.parametrize(("given", "status", "nit"), ENDINGS.values(), ids=list(ENDINGS))
def test_how_it_ends(given: dict[str, Any], status: int, nit: int) -> None:
    result = minimized(**{"fun": square, "x0": [2.0], "steps": None, **given})
    assert (result.status, result.nit) == (status, nit)
    assert result.success == (status == 0)
    assert result.message == MESSAGES[status]
    assert result.nfev == result.njev == nit + 1


@pytest.mark.parametrize(
    "given",
    [dict, lambda: {"options": {"maxiter": 1}}, lambda: {"callback": stop_after(1)}],
    ids=["converged", "maxiter", "callback"],
)
def test_endings_are_those_of_scipy_s_bfgs(given: Callable[[], dict[str, Any]]) -> None:
    theirs, ours = (
        optimize.minimize(pair, START, jac=True, method=each, **given())
        for each in ("BFGS", method(instep.SGD, lr=0.25))
    )
    assert {**ours}.keys() == {**theirs}.keys() - {"hess_inv"}
    assert (ours.status, ours.success) == (theirs.status, theirs.success)
    assert ours.message == theirs.message


def test_what_a_function_raises_arrives_and_leaves_the_start_as_it_was() -> None:
    start = START.copy()

    def failing(x: Array) -> tuple[Any, Array]:
        if x[0] > -1:
            raise KeyboardInterrupt
        return pair(x)

    with pytest.raises(KeyboardInterrupt):
        minimized(failing, start)
    assert start.tobytes() == START.tobytes()


def test_a_method_serves_many_minimizations() -> None:
    momentum = method(instep.SGD, lr=0.1, momentum=0.9)
    first = minimized(method=momentum)
    assert minimized(method=momentum).x.tobytes() == first.x.tobytes()
    copied = pickle.loads(pickle.dumps(momentum))
    assert minimized(method=copied).x.tobytes() == first.x.tobytes()


def test_basin_hopping_takes_it() -> None:
    def waves(x: Array) -> tuple[Any, Array]:
        return np.cos(3 * x[0]) + 0.1 * x[0] ** 2, -3 * np.sin(3 * x) + 0.2 * x

    result = optimize.basinhopping(
        waves,
        [4.0],  # in the third valley
        niter=20,
        stepsize=2.0,
        seed=0,
        minimizer_kwargs={"jac": True, "method": method(instep.SGD, lr=0.05)},
    )
    assert abs(result.x[0]) == pytest.approx(1.0242, abs=1e-3)


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_a_point_of_16_bits_is_minimized_in_float64(half: np.dtype[Any]) -> None:
    for options in ({}, {"state_dtype": half, "seed": 3}):
        made = method(instep.Adam, lr=0.5, **options)
        result = optimize.minimize(square, np.ones(3, half), jac=True, method=made)
        assert result.success
        assert result.x.dtype == np.float64


def test_options_that_are_unknown_warn_whoever_minimizes() -> None:
    with pytest.warns(optimize.OptimizeWarning) as warned:
        result = minimized(options={"ftol": 1e-3, "maxfun": 3})
    assert str(warned[0].message) == "Unknown solver options: ftol, maxfun"
    assert result.nit == 5
    with pytest.warns(optimize.OptimizeWarning) as warned:
        optimize.minimize(square, 0.0, jac=True, method=method(instep.SGD), options={"unknown": 1})
    assert [each.filename for each in warned] == [__file__]


def test_it_says_how_it_ended_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    given = {"jac": True, "method": method(instep.SGD, lr=0.25)}
    optimize.minimize(square, 0.0, options={"disp": True}, **given)
    assert capsys.readouterr().out.splitlines() == [
        "Optimization terminated successfully.",
        "         Current function value: 0.000000",
        "         Iterations: 0",
        "         Function evaluations: 1",
        "         Gradient evaluations: 1",
    ]
    with pytest.warns(optimize.OptimizeWarning, match="^Maximum number") as warned:
        optimize.minimize(square, 2.0, options={"disp": True, "maxiter": 2}, **given)
    assert [each.filename for each in warned] == [__file__]
    assert "Iterations: 2" in capsys.readouterr().out


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "bounds": (
        {"bounds": [(0, 1)] * 3},
        ValueError,
        "bounds: expected None, got list; use method='L-BFGS-B'",
    ),
    "bounds, an object": (
        {"bounds": optimize.Bounds(0, 1)},
        ValueError,
        "bounds: expected None, got Bounds",
    ),
    "constraints": (
        {"constraints": {"type": "eq", "fun": sum}},
        ValueError,
        "constraints: expected None, got dict; use method='SLSQP'",
    ),
    "constraints, an object": (
        {"constraints": optimize.LinearConstraint(np.eye(3), 0, 1)},
        ValueError,
        "constraints: expected None, got LinearConstraint",
    ),
    "hess": ({"hess": np.outer}, ValueError, "hess: expected None, got .*; leave it out"),
    "hess, a word": ({"hess": "2-point"}, ValueError, "hess: expected None, got str"),
    "hessp": ({"hessp": np.outer}, ValueError, "hessp: expected None"),
    "maxiter": ({"options": {"maxiter": -1}}, ValueError, "maxiter: expected a number of at lea"),
    "maxiter, a word": ({"options": {"maxiter": "all"}}, TypeError, "maxiter: expected a number"),
    "gtol": ({"options": {"gtol": math.nan}}, ValueError, "gtol: expected a number that is not"),
    "gtol, a word": ({"options": {"gtol": "small"}}, TypeError, "gtol: expected a number, got"),
    "xtol": ({"options": {"xtol": -1}}, ValueError, "xtol: expected a number of at least 0"),
    "complex numbers": ({"x0": [1j]}, TypeError, "x0: expected real numbers, got complex128"),
}


@pytest.mark.parametrize(("given", "error", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_refused_before_anything_is_evaluated(
    given: dict[str, Any], error: type[Exception], message: str
) -> None:
    def never(x: Array) -> tuple[Any, Array]:
        raise AssertionError("it was evaluated")

    with pytest.raises(error, match=message):
        minimized(never, **given)


@pytest.mark.parametrize("constraints", [None, (), [], {}])
def test_what_says_nothing_is_not_refused(constraints: Any) -> None:
    result = minimized(bounds=None, constraints=constraints, hess=None, hessp=None)
    assert result.x.tobytes() == minimized().x.tobytes()


BAD_FUNCTIONS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a gradient of another length": (
        {"fun": lambda _: (0.0, np.ones(2))},
        ValueError,
        r"jac: expected a gradient of shape \(3,\), got \(2,\)",
    ),
    "a gradient with another axis": (
        {"fun": lambda _: (0.0, np.ones((1, 3)))},
        ValueError,
        r"jac: expected a gradient of shape \(3,\), got \(1, 3\)",
    ),
    "a complex gradient": (
        {"fun": lambda _: (0.0, np.ones(3, complex))},
        TypeError,
        "jac: expected real numbers, got complex128",
    ),
    "a complex value": (
        {"fun": lambda _: (1j, np.ones(3))},
        TypeError,
        "fun: expected a real number, got 1j$",
    ),
    "a value for each element": (
        {"fun": lambda x: x, "jac": gradient},
        ValueError,
        r"fun: expected a real number, got array\(.*\)$",
    ),
    "a pair without jac=True": (
        {"fun": pair, "jac": None},
        ValueError,
        "fun: expected a real number, got .* pass jac=True",
    ),
    "None": ({"fun": lambda _: None, "jac": None}, TypeError, "fun: expected a real number, got N"),
}


@pytest.mark.parametrize(
    ("given", "error", "message"), BAD_FUNCTIONS.values(), ids=list(BAD_FUNCTIONS)
)
def test_what_a_function_may_not_return(
    given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        minimized(**given)


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (instep.SGD(np.ones(1)), {}, TypeError, "optimizer: expected a class of optimizers"),
        ("Adam", {}, TypeError, "optimizer: expected a class of optimizers, .* got 'Adam'"),
        (instep.line_search.ArmijoSGD, {}, TypeError, "optimizer: expected a class"),
        (instep.Optimizer, {}, TypeError, "has no rule of its own"),
        (instep.Adam, {"learning_rate": 0.1}, TypeError, "did you mean 'lr'"),
        (instep.Adam, {"lr": -1}, ValueError, "lr: expected"),
        (instep.Adam, {"copies": np.zeros(1, np.float32)}, TypeError, "copies: expected none"),
    ],
)
def test_what_a_method_is_not_made_of(
    make: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        method(make, **options)


def test_it_warns_of_nothing_else() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        minimized()
