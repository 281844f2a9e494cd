// What a step makes of a gradient for states that have other numbers than their parameter: sums of
// squares of rows and columns, new states, and their factors. Included like loops.hpp.
#pragma once

#include <string.h>

#include <type_traits>

#include "kernels/lanes.hpp"
#include "kernels/step.hpp"

namespace instep {
namespace {

// What is squared of elements, and to what it is added.
template <class T, class Rule, class Scaled>
struct Squares {
  const Scaled scaled;
  const T* param;
  const T* grad;
  double* columns;

  void add(int64_t i, double& lane) const {
    const auto x = double(scaled.step.reduced(param[i], scaled.grad_scale * grad[i]));
    const double square = x * x;
    lane = lane + square;
    if constexpr (has_columns<Rule>()) columns[i] = columns[i] + square;
  }

  // Of n elements, the first of which has this position in its run.
  void add_all(int64_t position, int64_t n, double* lanes) const {
    int64_t i = 0;
    for (; i < n && (position + i) % norm_lanes != 0; ++i)
      add(i, lanes[(position + i) % norm_lanes]);
    const int64_t whole = i + ((n - i) / norm_lanes * norm_lanes);
    for (; i < whole; i += norm_lanes) {
      INSTEP_NO_OVERLAP
      for (int lane = 0; lane < norm_lanes; ++lane) add(i + lane, lanes[lane]);
    }
    for (; i < n; ++i) add(i, lanes[i - whole]);
  }
};

template <class T, class Rule, unsigned variant>
void add_reduced(void* const* written, const void* grad, int64_t n,
                 const Coefficients& coefficients, RunSums& sums) {
  const auto scaled = unpacked<T, Rule, variant>(coefficients);
  Squares<T, Rule, std::remove_const_t<decltype(scaled)>> squares = {
      scaled, static_cast<const T*>(written[param_place]), static_cast<const T*>(grad),
      sums.columns};
  if constexpr (has_columns<Rule>()) squares.columns += sums.position;
  double lanes[norm_lanes];
  memcpy(lanes, sums.lanes, sizeof(lanes));
  while (n > 0) {
    const int64_t left = sums.length - sums.position, count = n < left ? n : left;
    squares.add_all(sums.position, count, lanes);
    squares.param += count;
    squares.grad += count;
    sums.position += count;
    n -= count;
    if (sums.position < sums.length) break;
    *sums.runs++ = sum_lanes(lanes);
    memset(lanes, 0, sizeof(lanes));
    sums.position = 0;
    if constexpr (has_columns<Rule>()) {
      if (++sums.run == sums.runs_each) {
        sums.run = 0;
        sums.columns += sums.length;
      }
      squares.columns = sums.columns;
    }
  }
  memcpy(sums.lanes, lanes, sizeof(lanes));
}

template <class T, class Rule, unsigned variant>
void take(void* states, double* means, int64_t n, const Coefficients& coefficients) {
  const auto step = unpacked<T, Rule, variant>(coefficients).step;
  T* const taken = static_cast<T*>(states);
  for (int64_t i = 0; i < n; ++i) {
    step.take(taken[i], means[i]);
    means[i] = double(taken[i]);
  }
}

template <class T, class Rule, unsigned variant>
void row_factors(const void* states, [[maybe_unused]] double mean, int64_t n,
                 const Coefficients& coefficients, void* factors) {
  const auto step = unpacked<T, Rule, variant>(coefficients).step;
  for (int64_t i = 0; i < n; ++i) {
    const T state = static_cast<const T*>(states)[i];
    T& factor = static_cast<T*>(factors)[i];
    if constexpr (has_columns<Rule>()) {
      factor = step.row_factor(state, mean);
    } else {
      factor = step.row_factor(state);
    }
  }
}

template <class T, class Rule, unsigned variant>
void column_factors(const void* states, int64_t n, const Coefficients& coefficients,
                    void* factors) {
  const auto step = unpacked<T, Rule, variant>(coefficients).step;
  for (int64_t i = 0; i < n; ++i) {
    static_cast<T*>(factors)[i] = step.column_factor(static_cast<const T*>(states)[i]);
  }
}

template <class T, class Rule, unsigned variant>
constexpr Reducing make_reducing() {
  Reducing reducing = {add_reduced<T, Rule, variant>, take<T, Rule, variant>,
                       row_factors<T, Rule, variant>, nullptr};
  if constexpr (has_columns<Rule>()) reducing.column_factors = column_factors<T, Rule, variant>;
  return reducing;
}

template <class T, class Rule, unsigned variant>
constexpr Reducing reducing = make_reducing<T, Rule, variant>();

}  // namespace
}  // namespace instep
