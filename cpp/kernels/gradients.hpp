// What is done to gradients before a rule meets them. Included like loops.hpp.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/loops.hpp"
#include "kernels/prefetch.hpp"
#include "kernels/squares.hpp"
#include "kernels/widen.hpp"

namespace instep {
namespace {

// where(x > bound, bound, where(x < -bound, -bound, x)) of the scaled gradient: a NaN stays one.
template <class T>
inline T conditioned(T grad, T scale, T bound) {
  const T scaled = scale * grad;
  const T below = scaled > bound ? bound : scaled;
  return below < -bound ? -bound : below;
}

template <class T, class Stored>
INSTEP_WIDEST void condition(const void* from, void* to, int64_t n, const Condition& condition) {
  const auto* const grad = static_cast<const Stored*>(from);
  T* const result = static_cast<T*>(to);
  const T scale = T(condition.scale), bound = T(condition.bound);
  // The same bits in half the time.
  if (scale == T(1) && bound == T(INFINITY)) {
    INSTEP_NO_OVERLAP
    for (int64_t i = 0; i < n; ++i) result[i] = T(widened(grad[i]));
    return;
  }
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) result[i] = conditioned(T(widened(grad[i])), scale, bound);
}

template <class T>
struct Conditioned {
  T scale, bound;
  T operator()(T grad) const { return conditioned(grad, scale, bound); }
};

// NaN where the scaled element is infinite.
template <class T>
struct Guarded {
  T scale, bound;
  T operator()(T grad) const {
    const T scaled = scale * grad;
    // NOLINTNEXTLINE(misc-redundant-expression): no zero where it is infinite
    return conditioned(grad, scale, bound) + (scaled - scaled);
  }
};

// In double, where the square of what is conditioned may have no other place.
template <class T>
struct Rescaled {
  T scale, bound;
  double factor;
  double operator()(T grad) const { return factor * double(conditioned(grad, scale, bound)); }
};

// A core that reads one place alone waits for its memory: blocks side by side, a few lines of each
// in turn, asked for well ahead, took two thirds of the time of one after the other.
constexpr int blocks_at_once = 4;
constexpr int64_t bytes_ahead = 1024;

template <class T, class Stored, class Conditioning>
inline double sum_block(const Stored* grad, int64_t n, const Conditioning conditioning) {
  double sums[norm_lanes] = {};
  const int64_t whole = n / norm_lanes * norm_lanes;
  add_squares<T>(grad, whole, sums, conditioning);
  add_squares_from<T>(0, grad + whole, n - whole, sums, conditioning);
  return sum_lanes(sums);
}

template <class T, class Stored, class Conditioning>
inline void sum_blocks_at_once(const Stored* grad, double* sums, const Conditioning conditioning) {
  double lane_sums[blocks_at_once][norm_lanes] = {};
  for (int64_t i = 0; i < norm_block; i += elements_in_turn) {
    for (int block = 0; block < blocks_at_once; ++block) {
      const Stored* const turn = grad + block * norm_block + i;
      const char* const ahead = reinterpret_cast<const char*>(turn) + bytes_ahead;
      for (int64_t at = 0; at < elements_in_turn * int64_t(sizeof(Stored)); at += cache_line) {
        prefetch(ahead + at);
      }
      add_squares<T>(turn, elements_in_turn, lane_sums[block], conditioning);
    }
  }
  for (int block = 0; block < blocks_at_once; ++block) sums[block] = sum_lanes(lane_sums[block]);
}

template <class T, class Stored, class Conditioning>
inline void sum_blocks(const Stored* grad, int64_t n, double* sums,
                       const Conditioning conditioning) {
  constexpr int64_t at_once = blocks_at_once * norm_block;
  for (; n >= at_once; n -= at_once, grad += at_once, sums += blocks_at_once) {
    sum_blocks_at_once<T>(grad, sums, conditioning);
  }
  for (; n > 0; n -= norm_block, grad += norm_block, ++sums) {
    *sums = sum_block<T>(grad, n < norm_block ? n : norm_block, conditioning);
  }
}

template <class T, class Stored>
void sum_squares(const void* array, int64_t n, double* sums, const Condition& condition,
                 double rescale, bool guarded) {
  const auto* const grad = static_cast<const Stored*>(array);
  const T scale = T(condition.scale), bound = T(condition.bound);
  // A third faster where there is nothing to do, with the same bits.
  if (rescale != 1.0) {
    sum_blocks<T>(grad, n, sums, Rescaled<T>{scale, bound, rescale});
  } else if (scale == T(1) && bound == T(INFINITY)) {
    sum_blocks<T>(grad, n, sums, AsItIs<T>());
  } else if (guarded) {
    sum_blocks<T>(grad, n, sums, Guarded<T>{scale, bound});
  } else {
    sum_blocks<T>(grad, n, sums, Conditioned<T>{scale, bound});
  }
}

constexpr GradientLoops gradient_loops = {
    {{condition<float, float>, condition<double, float>},
     {nullptr, condition<double, double>},
     {condition<float, Float16>, condition<double, Float16>},
     {condition<float, BFloat16>, condition<double, BFloat16>}},
    {{sum_squares<float, float>, sum_squares<double, float>},
     {nullptr, sum_squares<double, double>},
     {sum_squares<float, Float16>, sum_squares<double, Float16>},
     {sum_squares<float, BFloat16>, sum_squares<double, BFloat16>}}};

}  // namespace
}  // namespace instep
