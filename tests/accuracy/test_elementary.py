"""The portable exp, log and pow against mpmath, and where C says what they are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from instep.reference.elementary import portable_exp, portable_log, portable_pow
from tests.accuracy.exact import Real, context, number
from tests.elementary import ARGUMENTS, portable_values

INF, NAN = math.inf, math.nan
LARGEST, SMALLEST = 1.7976931348623157e308, 2.0**-1022
OVERFLOW = number(2) ** 1024


def exactly(name: str, x: float, y: float) -> Real:
    """Return the value where it is a number, cut off far outside the range of doubles."""
    if name == "log":
        return context.log(x)
    exponent = number(x) if name == "exp" else number(y) * context.log(abs(x))
    size = context.exp(min(max(exponent, number(-800)), number(800)))
    return -size if name == "pow" and x < 0 and y % 2 == 1 else size


def error_in_ulps(computed: float, wanted: Real) -> float:
    """Return the error in units of the last place of the exact value; infinity is 2**1024."""
    if math.isinf(computed):
        computed = math.copysign(1.0, computed) * OVERFLOW
    wanted = min(max(wanted, -OVERFLOW), OVERFLOW)
    size = min(float(abs(wanted)), LARGEST)
    return float(abs(computed - wanted) / number(math.ulp(size)))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_errors_are_within_the_bounds(name: str) -> None:
    x, y = ARGUMENTS[name]
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if name != "exp":
        regular = (x > 0) | ((x < 0) & (y == np.rint(y)) & (name == "pow"))
        x, y = x[regular], y[regular]
    assert x.size > 10_000
    worst = {"normal": 0.0, "subnormal": 0.0}
    for *arguments, computed in zip(
        x.tolist(), y.tolist(), portable_values(name, x, y), strict=True
    ):
        wanted = exactly(name, *arguments)
        kind = "normal" if abs(wanted) >= SMALLEST else "subnormal"
        error = error_in_ulps(computed, wanted)
        assert error <= {"normal": 0.501, "subnormal": 0.751}[kind], (arguments, computed)
        worst[kind] = max(worst[kind], error)
    print(f"{name}: {x.size} values, {worst}")


def assert_same(computed: float, wanted: float) -> None:
    assert str(computed) == str(wanted)  # tells −0 from 0, and not a NaN from another


@pytest.mark.parametrize(
    ("x", "wanted"),
    [(-INF, 0.0), (-0.0, 1.0), (0.0, 1.0), (5e-324, 1.0), (INF, INF), (NAN, NAN), (1e9, INF)],
)
def test_special_values_of_exp(x: float, wanted: float) -> None:
    assert_same(portable_exp(x), wanted)


@pytest.mark.parametrize(
    ("x", "wanted"),
    [(-INF, NAN), (-1.0, NAN), (-0.0, -INF), (0.0, -INF), (1.0, 0.0), (INF, INF), (NAN, NAN)],
)
def test_special_values_of_log(x: float, wanted: float) -> None:
    assert_same(portable_log(x), wanted)


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [
        *((0.0, -3.0, INF), (-0.0, -3.0, -INF), (-0.0, -2.0, INF), (-0.0, -2.5, INF)),
        *((0.0, -INF, INF), (-0.0, -INF, INF), (0.0, 3.0, 0.0), (-0.0, 3.0, -0.0)),
        *((-0.0, 2.0, 0.0), (-0.0, 2.5, 0.0), (0.0, NAN, NAN), (-0.0, 2.0**53 - 1, -0.0)),
        *(
            (-1.0, LARGEST, 1.0),
            (-1.0, INF, 1.0),
            (-1.0, -INF, 1.0),
            (1.0, NAN, 1.0),
            (1.0, INF, 1.0),
        ),
        *((NAN, 0.0, 1.0), (NAN, -0.0, 1.0), (INF, 0.0, 1.0), (0.0, 0.0, 1.0), (NAN, 1.0, NAN)),
        *((-8.0, 1 / 3, NAN), (-2.0, 0.5, NAN), (-2.0, 3.0, -8.0), (-2.0, 2.0**53, INF)),
        *((0.5, -INF, INF), (-0.5, -INF, INF), (2.0, -INF, 0.0), (-2.0, -INF, 0.0)),
        *((0.5, INF, 0.0), (2.0, INF, INF), (2.0, NAN, NAN), (-2.0, 2.0**53 - 1, -INF)),
        *((-INF, -3.0, -0.0), (-INF, -2.0, 0.0), (-INF, -2.5, 0.0), (-INF, 3.0, -INF)),
        *((-INF, 2.0, INF), (-INF, 2.5, INF), (INF, -2.0, 0.0), (INF, 2.0, INF)),
        *((LARGEST, LARGEST, INF), (LARGEST, -LARGEST, 0.0), (1 - 2**-53, LARGEST, 0.0)),
    ],
)
def test_special_values_of_pow(x: float, y: float, wanted: float) -> None:
    assert_same(portable_pow(x, y), wanted)
