// The one loop of all rules, and all its instances. Compiled once for each instruction set, with
// that set's flags; hence the anonymous namespace (see rules/rule.hpp).
#pragma once

#include <float.h>
#include <string.h>

#include <type_traits>
#include <utility>

#include "kernels/lanes.hpp"
#include "kernels/prefetch.hpp"
#include "kernels/squares.hpp"
#include "kernels/table.hpp"
#include "kernels/traits.hpp"
#include "rules/all.hpp"

namespace instep {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "float and double must be evaluated in their own precision");

template <bool used, class T>
inline T& element(T* state, int64_t i, T& none) {
  if constexpr (used) {
    return state[i];
  } else {
    return none;
  }
}

// No array of a step that is written overlaps another (the bindings refuse such a call), so the
// compiler need not test for it. `__restrict` is lost on some of the inlined pointers.
#if defined(__clang__)
#define INSTEP_NO_OVERLAP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INSTEP_NO_OVERLAP _Pragma("GCC ivdep")
#elif defined(_MSC_VER)
#define INSTEP_NO_OVERLAP __pragma(loop(ivdep))
#else
#define INSTEP_NO_OVERLAP
#endif

// For loops that write to aligned blocks, or half as many bytes as they read: the widest vectors
// are slower where stores straddle cache lines (see CMakeLists.txt), and up to twice as fast else.
#if defined(__AVX512VL__) && defined(__GNUC__) && !defined(__clang__)
#define INSTEP_WIDEST __attribute__((target("prefer-vector-width=512")))
constexpr bool has_wider_vectors = true;
#else
#define INSTEP_WIDEST
constexpr bool has_wider_vectors = false;
#endif

// The coefficients of one step as a loop has them: the rule meets `grad_scale` times the gradient,
// which is negative to ascend.
template <class T, class Step>
struct Scaled {
  T grad_scale;
  Step step;
};

// The vectorized body and its scalar remainder give the same bits: no contraction (a compiler
// flag), and IEEE square root and division in both.
template <class Rule, unsigned variant, int... state, class Step, class T, class... State>
inline void each(std::integer_sequence<int, state...>, const Scaled<T, Step> scaled, int64_t n,
                 T* param, const T* grad, State*... states) {
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    T none = T(0);
    scaled.step.update(param[i], scaled.grad_scale * grad[i],
                       element<Uses<Rule>::of(variant, state)>(states, i, none)...);
  }
}

template <class Rule>
constexpr int state_place(unsigned variant, int state) {
  int place = first_state_place;
  for (int before = 0; before < state; ++before) place += Uses<Rule>::of(variant, before) ? 1 : 0;
  return place;
}

template <class T, class Rule, unsigned variant, int state>
inline T* state_array(void* const* written) {
  if constexpr (Uses<Rule>::of(variant, state)) {
    return static_cast<T*>(written[state_place<Rule>(variant, state)]);
  } else {
    return nullptr;
  }
}

template <class T, class Rule, unsigned variant>
inline Scaled<T, typename Rule::template Step<T, variant>> prepared(const double* options,
                                                                    int64_t step, double grad_scale,
                                                                    double* scalars) {
  const T scale = T(ascends<Rule>(options) ? -grad_scale : grad_scale);
  if constexpr (Scalars<Rule>::count > 0) {
    return {scale, {read<Rule>(options), step, scalars}};
  } else {
    return {scale, {read<Rule>(options), step}};
  }
}

template <class T, class Rule, unsigned variant>
inline Scaled<T, typename Rule::template Step<T, variant>> unpacked(
    const Coefficients& coefficients) {
  using Result = Scaled<T, typename Rule::template Step<T, variant>>;
  union Room {
    Room() {}  // NOLINT(modernize-use-equals-default): a Step has no constructor without arguments
    Result result;
  } room;
  memcpy(&room.result, coefficients.bytes, sizeof(room.result));
  return room.result;
}

template <class T, class Rule, unsigned variant, int... state>
inline void run(std::integer_sequence<int, state...> states, void* const* written, const void* grad,
                int64_t n, const Coefficients& coefficients) {
  each<Rule, variant>(states, unpacked<T, Rule, variant>(coefficients), n,
                      static_cast<T*>(written[param_place]), static_cast<const T*>(grad),
                      state_array<T, Rule, variant, state>(written)...);
}

template <class T, class Rule, unsigned variant>
void loop(void* const* written, const void* grad, int64_t n, const Coefficients& coefficients) {
  run<T, Rule, variant>(std::make_integer_sequence<int, state_count<Rule>>(), written, grad, n,
                        coefficients);
}

template <class T, class Rule, unsigned variant>
INSTEP_WIDEST void wide_loop(void* const* written, const void* grad, int64_t n,
                             const Coefficients& coefficients) {
  run<T, Rule, variant>(std::make_integer_sequence<int, state_count<Rule>>(), written, grad, n,
                        coefficients);
}

template <class T, class Rule, unsigned variant>
void prepare(const double* options, int64_t step, double grad_scale, double* scalars,
             Coefficients& coefficients) {
  const auto result = prepared<T, Rule, variant>(options, step, grad_scale, scalars);
  static_assert(std::is_trivially_copyable_v<decltype(result)> &&
                sizeof(result) <= sizeof(Coefficients));
  memcpy(coefficients.bytes, &result, sizeof(result));
}

template <class Rule>
unsigned variant_of(const double* options, unsigned present) {
  return Variants<Rule>::of(read<Rule>(options), present);
}

// What a step measures before it steps.
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

template <class T, class Rule, unsigned variant>
constexpr Kernel make_kernel() {
  Kernel kernel = {loop<T, Rule, variant>,
                   has_wider_vectors ? wide_loop<T, Rule, variant> : loop<T, Rule, variant>,
                   prepare<T, Rule, variant>,
                   nullptr,
                   nullptr,
                   nullptr};
  if constexpr (reduces<Rule>(variant)) kernel.reducing = &reducing<T, Rule, variant>;
  if constexpr (Measures<Rule>::of(variant)) {
    kernel.measure = measure<T, Rule, variant>;
    kernel.adapt = adapt<T, Rule, variant>;
  }
  return kernel;
}

template <class Rule, class Each>
struct Kernels;

template <class Rule, unsigned... variant>
struct Kernels<Rule, std::integer_sequence<unsigned, variant...>> {
  static constexpr Kernel table[][working_count] = {
      {make_kernel<float, Rule, variant>(), make_kernel<double, Rule, variant>()}...};
};

template <class R>
constexpr Rule describe() {
  static_assert(state_count<R> <= max_states && option_count<R> <= max_options &&
                Scalars<R>::count <= max_scalars);
  static_assert(R::options[0].member == &R::Options::lr, "the learning rate comes first");
  constexpr bool several_passes = reduces<R>() || measures_sometimes<R>();
  return {R::name,
          option_names<R>,
          R::states,
          Shapes<R>::of,
          Scalars<R>::names,
          Exchange<R>::kept,
          variant_of<R>,
          Kernels<R, std::make_integer_sequence<unsigned, Variants<R>::count>>::table,
          option_count<R>,
          state_count<R>,
          Scalars<R>::count,
          required_states<R>(),
          begin_as_param<R>,
          Exchange<R>::state,
          several_passes,
          several_passes || Scalars<R>::count > 0 || begin_as_param<R> != 0};
}

template <class List>
struct Registry;

template <class... R>
struct Registry<RuleList<R...>> {
  static constexpr Rule rules[] = {describe<R>()...};
};

}  // namespace
}  // namespace instep
