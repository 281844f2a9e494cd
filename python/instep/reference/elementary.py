"""exp, log and pow for coefficients, the same bits everywhere: those of C libraries differ.

Line by line ``cpp/rules/elementary.hpp``, which says where the methods come from: operations that
IEEE 754 rounds correctly, frexp and fmod, which are exact, and ldexp of 1. Numbers are sums of two
doubles. A normal result is within 0.501 units in the last place, a subnormal one, which is rounded
twice, within 0.751.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class DoubleDouble(NamedTuple):
    """A sum, of which `high` is the nearest double."""

    high: float
    low: float


LN_2 = DoubleDouble(0.6931471805599453, 2.3190468138462996e-17)


def quick_sum(a: float, b: float) -> DoubleDouble:
    """Return a + b, exact where abs(a) >= abs(b)."""
    total = a + b
    return DoubleDouble(total, b - (total - a))


def exact_sum(a: float, b: float) -> DoubleDouble:
    """Return a + b, exact."""
    total = a + b
    from_b = total - a
    return DoubleDouble(total, (a - (total - from_b)) + (b - from_b))


def halves(a: float) -> DoubleDouble:
    """Return two halves of 26 bits, exact below 2^996."""
    multiple = 134217729.0 * a
    high = multiple - (multiple - a)
    return DoubleDouble(high, a - high)


def exact_product(a: float, b: float) -> DoubleDouble:
    """Return a b, exact where nothing underflows."""
    product = a * b
    x, y = halves(a), halves(b)
    rest = ((x.high * y.high - product) + x.high * y.low) + x.low * y.high
    return DoubleDouble(product, rest + x.low * y.low)


def add(x: DoubleDouble, y: DoubleDouble) -> DoubleDouble:
    """Return x + y."""
    total = exact_sum(x.high, y.high)
    return quick_sum(total.high, total.low + (x.low + y.low))


def multiply(x: DoubleDouble, y: DoubleDouble) -> DoubleDouble:
    """Return x y."""
    product = exact_product(x.high, y.high)
    return quick_sum(product.high, product.low + (x.high * y.low + x.low * y.high))


def divide(a: float, b: DoubleDouble) -> DoubleDouble:
    """Return a / b."""
    quotient = a / b.high
    product = exact_product(quotient, b.high)
    rest = ((a - product.high) - product.low) - quotient * b.low
    return quick_sum(quotient, rest / b.high)


def scaled(x: float, n: int) -> float:
    """Return x 2^n, rounded once where it is subnormal."""
    half = n // 2
    return x * math.ldexp(1.0, half) * math.ldexp(1.0, n - half)


def exp_of(x: DoubleDouble) -> float:
    """Return e^x = 2^n (e^r)^16, by Taylor's series in r."""
    if x.high > 710.0:
        return math.inf
    if x.high < -746.0:
        return 0.0
    to_integers = 6755399441055744.0  # 1.5 2^52, beside which a double has no fraction
    n = (x.high / LN_2.high + to_integers) - to_integers
    r = add(x, multiply(DoubleDouble(-n, 0.0), LN_2))
    r = DoubleDouble(r.high / 16.0, r.low / 16.0)
    tail = 1.0
    for k in range(10, 3, -1):
        tail = 1.0 + r.high * tail / k
    square = multiply(r, r)
    cubes = DoubleDouble(square.high * r.high * tail / 6.0, 0.0)
    result = add(r, add(DoubleDouble(square.high / 2.0, square.low / 2.0), cubes))
    result = add(DoubleDouble(1.0, 0.0), result)
    for _ in range(4):
        result = multiply(result, result)
    return scaled(result.high, int(n))


def log_of(x: float) -> DoubleDouble:
    """Return log(2^n m) = n log 2 + 2 artanh((m - 1) / (m + 1)) of a positive finite number."""
    m, n = math.frexp(x)
    if m < 0.7071067811865476:
        m = 2.0 * m
        n = n - 1
    s = divide(m - 1.0, exact_sum(m, 1.0))
    square = multiply(s, s)
    third = DoubleDouble(0.3333333333333333, 1.850371707708594e-17)
    fifth = DoubleDouble(0.2, -1.1102230246251566e-17)
    seventh = DoubleDouble(0.14285714285714285, 7.93016446160826e-18)
    tail = 0.0
    for k in range(31, 7, -2):
        tail = 1.0 / k + square.high * tail
    series = add(seventh, multiply(square, DoubleDouble(tail, 0.0)))
    series = add(fifth, multiply(square, series))
    series = add(third, multiply(square, series))
    series = add(s, multiply(multiply(s, square), series))
    twice = DoubleDouble(2.0 * series.high, 2.0 * series.low)
    return add(multiply(DoubleDouble(float(n), 0.0), LN_2), twice)


def portable_exp(x: float) -> float:
    """Return e ** x."""
    if x != x:
        return x
    return exp_of(DoubleDouble(x, 0.0))


def portable_log(x: float) -> float:
    """Return the natural logarithm, -inf for 0 and NaN for negative numbers."""
    if x == 0.0:
        return -math.inf
    if x < 0.0:
        return math.nan
    if x != x or x == math.inf:
        return x
    return log_of(x).high


def portable_pow(x: float, y: float) -> float:
    """Return x ** y, with the special cases of C's pow."""
    if x == 1.0 or y == 0.0:
        return 1.0
    if x != x or y != y:
        return x + y
    base = math.fabs(x)
    if math.fabs(y) == math.inf:
        if base == 1.0:
            return 1.0
        return math.inf if (base > 1.0) == (y > 0.0) else 0.0
    odd = math.fabs(math.fmod(y, 2.0)) == 1.0
    sign = math.copysign(1.0, x) if odd else 1.0
    if base == 0.0 or base == math.inf:
        return sign * (math.inf if (base > 1.0) == (y > 0.0) else 0.0)
    if x < 0.0 and math.fmod(y, 1.0) != 0.0:
        return math.nan
    log_base = log_of(base)
    rough = y * log_base.high
    # Where its halves might overflow, y brings the exponent far outside the range of exp, or to 0.
    if rough == 0.0 or math.fabs(rough) > 746.0:
        return sign * exp_of(DoubleDouble(rough, 0.0))
    return sign * exp_of(multiply(DoubleDouble(y, 0.0), log_base))
