// What is done to gradients before a rule meets them. Included like loops.hpp.
#pragma once

#include "kernels/loops.hpp"

namespace instep {
namespace {

// where(x > bound, bound, where(x < -bound, -bound, x)) of the scaled gradient: a NaN stays one.
template <class T>
inline T conditioned(T grad, T scale, T bound) {
  const T scaled = scale * grad;
  const T below = scaled > bound ? bound : scaled;
  return below < -bound ? -bound : below;
}

template <class T>
void condition(const void* from, void* to, int64_t n, const Condition& condition) {
  const T* const grad = static_cast<const T*>(from);
  T* const result = static_cast<T*>(to);
  const T scale = T(condition.scale), bound = T(condition.bound);
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) result[i] = conditioned(grad[i], scale, bound);
}

template <class T>
struct Conditioned {
  T scale, bound;
  T operator()(T grad) const { return conditioned(grad, scale, bound); }
};

template <class T>
struct AsItIs {
  T operator()(T grad) const { return grad; }
};

// In double, the square of element i added to lane i modulo `lanes`, the lanes then in pairs: one
// order of additions for all instruction sets.
template <class T, class Conditioning>
inline double add_squares(const T* grad, int64_t n, const Conditioning conditioning) {
  constexpr int lanes = 16;
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) {
      const double x = double(conditioning(grad[i + lane]));
      sums[lane] = sums[lane] + (x * x);
    }
  }
  for (int lane = 0; i + lane < n; ++lane) {
    const double x = double(conditioning(grad[i + lane]));
    sums[lane] = sums[lane] + (x * x);
  }
  for (int half = lanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) sums[lane] = sums[lane] + sums[lane + half];
  }
  return sums[0];
}

template <class T>
double sum_squares(const void* array, int64_t n, const Condition& condition) {
  const T* const grad = static_cast<const T*>(array);
  const T scale = T(condition.scale), bound = T(condition.bound);
  // A third faster where there is nothing to do, with the same bits.
  if (scale == T(1) && bound == T(INFINITY)) return add_squares(grad, n, AsItIs<T>());
  return add_squares(grad, n, Conditioned<T>{scale, bound});
}

constexpr GradientLoops gradient_loops = {{condition<float>, condition<double>},
                                          {sum_squares<float>, sum_squares<double>}};

}  // namespace
}  // namespace instep
