// exp, log and pow for coefficients, the same bits everywhere: those of C libraries differ in the
// last place. Line by line python/instep/reference/elementary.py: operations that IEEE 754
// rounds correctly, frexp and fmod, which are exact, and ldexp of 1.
//
// Numbers are sums of two doubles: Dekker, "A Floating-Point Technique for Extending the Available
// Precision", Numerische Mathematik 18, 1971. Before the last rounding exp is within 2^-64 of its
// size, log within 2^-74 and pow, whose exponent is below 2^10, within 2^-63: a normal result is
// within 0.501 units in the last place, a subnormal one, which is rounded twice, within 0.751.
#pragma once

#include <math.h>

namespace instep {
namespace {

// Their sum, of which high is the nearest double.
struct DoubleDouble {
  double high, low;
};

constexpr DoubleDouble ln_2 = {0.6931471805599453, 2.3190468138462996e-17};

// Exact where |a| >= |b|: Dekker.
inline DoubleDouble quick_sum(double a, double b) {
  const double total = a + b;
  return {total, b - (total - a)};
}

// Exact: Knuth, "The Art of Computer Programming", volume 2, section 4.2.2, theorem B.
inline DoubleDouble exact_sum(double a, double b) {
  const double total = a + b;
  const double from_b = total - a;
  return {total, (a - (total - from_b)) + (b - from_b)};
}

// Two halves of 26 bits, exact below 2^996: Veltkamp, in Dekker's paper.
inline DoubleDouble halves(double a) {
  const double multiple = 134217729.0 * a;
  const double high = multiple - (multiple - a);
  return {high, a - high};
}

// Exact where nothing underflows: Dekker.
inline DoubleDouble exact_product(double a, double b) {
  const double product = a * b;
  const DoubleDouble x = halves(a);
  const DoubleDouble y = halves(b);
  const double rest = ((x.high * y.high - product) + x.high * y.low) + x.low * y.high;
  return {product, rest + x.low * y.low};
}

inline DoubleDouble add(DoubleDouble x, DoubleDouble y) {
  const DoubleDouble total = exact_sum(x.high, y.high);
  return quick_sum(total.high, total.low + (x.low + y.low));
}

inline DoubleDouble multiply(DoubleDouble x, DoubleDouble y) {
  const DoubleDouble product = exact_product(x.high, y.high);
  return quick_sum(product.high, product.low + (x.high * y.low + x.low * y.high));
}

inline DoubleDouble divide(double a, DoubleDouble b) {
  const double quotient = a / b.high;
  const DoubleDouble product = exact_product(quotient, b.high);
  const double rest = ((a - product.high) - product.low) - quotient * b.low;
  return quick_sum(quotient, rest / b.high);
}

// x 2^n. The first product is exact, the second rounds once: ldexp to a subnormal number is not to
// be relied on.
inline double scaled(double x, int n) { return x * ::ldexp(1.0, n / 2) * ::ldexp(1.0, n - n / 2); }

// e^x = 2^n (e^r)^16, |r| < 0.022, by Taylor's series: what follows r^10 / 10! is below 2^-85, and
// what begins with r^3 / 6 < 2^-19 is small enough for doubles.
inline double exp_of(DoubleDouble x) {
  if (x.high > 710.0) return INFINITY;
  if (x.high < -746.0) return 0.0;
  constexpr double to_integers =
      6755399441055744.0;  // 1.5 2^52, beside which a double has no fraction
  const double n = (x.high / ln_2.high + to_integers) - to_integers;
  DoubleDouble r = add(x, multiply({-n, 0.0}, ln_2));
  r = {r.high / 16.0, r.low / 16.0};
  double tail = 1.0;
  for (int k = 10; k > 3; --k) tail = 1.0 + r.high * tail / k;
  const DoubleDouble square = multiply(r, r);
  const DoubleDouble cubes = {square.high * r.high * tail / 6.0, 0.0};
  DoubleDouble result = add(r, add({square.high / 2.0, square.low / 2.0}, cubes));
  result = add({1.0, 0.0}, result);
  for (int k = 0; k < 4; ++k) result = multiply(result, result);
  return scaled(result.high, int(n));
}

// log(2^n m) = n log 2 + 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172, by its series
// s + s^3 / 3 + ..., for positive finite numbers. What follows s^31 / 31 is below 2^-85 s, and what
// begins with s^9 / 9 < 2^-23 s is small enough for doubles.
inline DoubleDouble log_of(double x) {
  int n = 0;
  double m = ::frexp(x, &n);
  if (m < 0.7071067811865476) {
    m = 2.0 * m;
    n = n - 1;
  }
  const DoubleDouble s = divide(m - 1.0, exact_sum(m, 1.0));
  const DoubleDouble square = multiply(s, s);
  constexpr DoubleDouble third = {0.3333333333333333, 1.850371707708594e-17};
  constexpr DoubleDouble fifth = {0.2, -1.1102230246251566e-17};
  constexpr DoubleDouble seventh = {0.14285714285714285, 7.93016446160826e-18};
  double tail = 0.0;
  for (int k = 31; k > 7; k -= 2) tail = 1.0 / k + square.high * tail;
  DoubleDouble series = add(seventh, multiply(square, {tail, 0.0}));
  series = add(fifth, multiply(square, series));
  series = add(third, multiply(square, series));
  series = add(s, multiply(multiply(s, square), series));
  return add(multiply({double(n), 0.0}, ln_2), {2.0 * series.high, 2.0 * series.low});
}

inline double portable_exp(double x) {
  if (x != x) return x;
  return exp_of({x, 0.0});
}

inline double portable_log(double x) {
  if (x == 0.0) return -double(INFINITY);
  if (x < 0.0) return NAN;
  if (x != x || x == INFINITY) return x;
  return log_of(x).high;
}

// With the special cases of C's pow (ISO/IEC 9899:2011, F.10.4.4).
inline double portable_pow(double x, double y) {
  if (x == 1.0 || y == 0.0) return 1.0;
  if (x != x || y != y) return x + y;
  const double base = ::fabs(x);
  if (::fabs(y) == INFINITY) {
    if (base == 1.0) return 1.0;
    return (base > 1.0) == (y > 0.0) ? INFINITY : 0.0;
  }
  const bool odd = ::fabs(::fmod(y, 2.0)) == 1.0;
  const double sign = odd ? ::copysign(1.0, x) : 1.0;
  if (base == 0.0 || base == INFINITY) return sign * ((base > 1.0) == (y > 0.0) ? INFINITY : 0.0);
  if (x < 0.0 && ::fmod(y, 1.0) != 0.0) return NAN;
  const DoubleDouble log_base = log_of(base);
  const double rough = y * log_base.high;
  // Where its halves might overflow, y brings the exponent far outside the range of exp, or to 0.
  if (rough == 0.0 || ::fabs(rough) > 746.0) return sign * exp_of({rough, 0.0});
  return sign * exp_of(multiply({y, 0.0}, log_base));
}

}  // namespace
}  // namespace instep
