// What a step measures before it steps: norms. Included like loops.hpp.
#pragma once

#include <string.h>

#include <utility>

#include "kernels/lanes.hpp"
#include "kernels/prefetch.hpp"
#include "kernels/squares.hpp"
#include "kernels/step.hpp"

namespace instep {
namespace {

template <class T, class Rule, unsigned variant, int... state>
struct Measured {
  const Scaled<T, typename Rule::template Step<T, variant>> scaled;
  const T* param;
  const T* grad;
  const T* states[sizeof...(state) + 1];

  void get(int64_t begin, int64_t n, T* result) const {
    INSTEP_NO_OVERLAP
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = begin + i;
      result[i] =
          scaled.step.measured(param[at], scaled.grad_scale * grad[at],
                               Uses<Rule>::of(variant, state) ? states[state][at] : T(0)...);
    }
  }
};

// Of elements of one block, as many as the lanes or a multiple, the first of which belongs to the
// first lane.
template <class T, class Elements>
inline void add_turns(const Elements& measured, int64_t begin, int64_t end, BlockSums& sums) {
  alignas(cache_line) T turn[elements_in_turn];
  double param_lanes[norm_lanes], measured_lanes[norm_lanes];
  memcpy(param_lanes, sums.param.lanes, sizeof(param_lanes));
  memcpy(measured_lanes, sums.measured.lanes, sizeof(measured_lanes));
  const auto add = [&](int64_t n) {
    measured.get(begin, n, turn);
    add_squares<T>(measured.param + begin, n, param_lanes, AsItIs<T>());
    add_squares<T>(turn, n, measured_lanes, AsItIs<T>());
  };
  for (; end - begin >= elements_in_turn; begin += elements_in_turn) add(elements_in_turn);
  if (begin < end) add(end - begin);
  memcpy(sums.param.lanes, param_lanes, sizeof(param_lanes));
  memcpy(sums.measured.lanes, measured_lanes, sizeof(measured_lanes));
}

// Of no more elements than there are lanes.
template <class T, class Elements>
inline void add_few(const Elements& measured, int64_t at, int64_t n, BlockSums& sums) {
  T few[norm_lanes];
  measured.get(at, n, few);
  add_at(sums.position, measured.param + at, n, sums.param);
  add_at(sums.position, few, n, sums.measured);
}

template <class T, class Rule, unsigned variant, int... state>
inline void measure_each(std::integer_sequence<int, state...>, void* const* written,
                         const void* grad, int64_t n, const Coefficients& coefficients,
                         BlockSums& sums) {
  const Measured<T, Rule, variant, state...> measured = {
      unpacked<T, Rule, variant>(coefficients),
      static_cast<const T*>(written[param_place]),
      static_cast<const T*>(grad),
      {state_array<T, Rule, variant, state>(written)..., nullptr}};
  const bool rescaled = sums.param.rescale != 1.0 || sums.measured.rescale != 1.0;
  for (int64_t at = 0, count; at < n; at += count) {
    const int64_t lane = sums.position % norm_lanes;
    const int64_t left = n - at, to_block = norm_block - sums.position;
    count = (left < to_block ? left : to_block) / norm_lanes * norm_lanes;
    if (lane == 0 && count > 0 && !rescaled) {
      add_turns<T>(measured, at, at + count, sums);
    } else {
      const int64_t to_first = norm_lanes - lane;
      count = left < to_first ? left : to_first;
      add_few<T>(measured, at, count, sums);
    }
    sums.position += count;
    if (sums.position == norm_block) end_block(sums);
  }
}

template <class T, class Rule, unsigned variant>
INSTEP_WIDEST void measure(void* const* written, const void* grad, int64_t n,
                           const Coefficients& coefficients, BlockSums& sums) {
  measure_each<T, Rule, variant>(std::make_integer_sequence<int, state_count<Rule>>(), written,
                                 grad, n, coefficients, sums);
}

template <class T, class Rule, unsigned variant>
void adapt(const double* options, double param_norm, double measured_norm, int64_t size,
           Coefficients& coefficients) {
  auto scaled = unpacked<T, Rule, variant>(coefficients);
  scaled.step.adapt(read<Rule>(options), param_norm, measured_norm, size);
  memcpy(coefficients.bytes, &scaled, sizeof(scaled));
}

}  // namespace
}  // namespace instep
